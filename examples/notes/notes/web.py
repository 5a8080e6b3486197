"""Process type `web`: factor VII, a server of its own on $PORT. What surrounds every page: ids, log, tokens, errors."""

import hmac
import secrets
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from flask import Flask, Response, abort, render_template, request, session
from flask.sessions import SecureCookieSessionInterface
from psycopg_pool import PoolTimeout
from twelve_runtime import Lifecycle, events
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from . import database, pages, settings
from .jobs import Jobs

log = events.logger()
QUIET = {"/static/", "/healthz"}
FORM_ALLOWANCE = 200_000  # bytes of a request that are not the file
PATIENCE = 1600  # pieces of 64 KiB of a file that is too large
TOO_LARGE = "A file may not be larger than the form says. Nothing was saved."
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class Sessions(SecureCookieSessionInterface):
    """Signed cookies: any process can answer the next request. Sent over TLS only where there is TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - Flask's signature
        return request.is_secure


def create_app(config: settings.Settings | None = None) -> Flask:
    """One an operating-system process: it opens connections, which do not survive a fork."""
    config = config or settings.load()
    events.configure(config.log_level)
    lifecycle = Lifecycle(signals=False)  # the server deals with signals; connections close as the process ends
    app = Flask(__name__)
    app.secret_key = config.secret_key.get_secret_value()
    app.session_interface = Sessions()
    app.config["MAX_CONTENT_LENGTH"] = config.max_file_bytes + FORM_ALLOWANCE
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 31_536_000
    app.wsgi_app = events.wsgi(ProxyFix(app.wsgi_app), quiet=QUIET)  # type: ignore[method-assign] - the documented way
    app.extensions["services"] = pages.Services(database.pool(config, lifecycle), Jobs(config, lifecycle), config)
    app.register_blueprint(pages.blueprint)
    app.before_request(check_token)
    app.after_request(protect)
    app.register_error_handler(HTTPException, refuse)
    app.register_error_handler(psycopg.OperationalError, unreachable)
    app.register_error_handler(PoolTimeout, unreachable)
    app.register_error_handler(Exception, fail)
    shared = {"settings": config, "token": token, "style": style_digest()}
    app.context_processor(lambda: shared | {"author": session.get("author", "")})
    return app


def style_digest() -> str:
    """Part of the style sheet's address, so that browsers keep it until it changes."""
    return sha256(Path(__file__).with_name("static").joinpath("style.css").read_bytes()).hexdigest()[:12]


def protect(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def token() -> str:
    """Proves that a form was made by us for this session."""
    return session.setdefault("token", secrets.token_urlsafe(16))


def check_token() -> None:
    if request.method == "POST" and not hmac.compare_digest(request.form.get("token", ""), token()):
        abort(400, "This form is too old. Go back, reload the page and send it again.")


def refuse(error: HTTPException) -> Any:
    if error.code is None or error.code < 400:
        return error
    if error.code == 413:
        read_on()
    text = TOO_LARGE if error.code == 413 else error.description
    return render_template("problem.html", title=error.name, text=text), error.code


def read_on() -> None:
    """A browser shows no answer before it has sent all it wants to send, within reason."""
    stream = request.environ["wsgi.input"]
    for _ in range(PATIENCE):
        if not stream.read(65536):
            return


def unreachable(error: Exception) -> tuple[str, int]:
    log.error("database_unreachable", reason=str(error).partition("\n")[0])
    text = "The database does not answer. Nothing was changed; try again in a moment."
    return render_template("problem.html", title="Not available", text=text), 503


def fail(error: Exception) -> tuple[str, int]:
    log.error("error", exc_info=error)
    text = f"Something went wrong here. The id of this request is {events.request_id()}."
    return render_template("problem.html", title="Error", text=text), 500
