"""Under Flask: `app.session_interface = FlaskSessions(sessions)`. The cookie is as SESSION_COOKIE_* says."""

from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

from twelve_runtime.sessions.session import Session
from twelve_runtime.sessions.sessions import Sessions


class FlaskSession(Session, SessionMixin):
    """What `flask.session` is; `modified` needs no setting, as changes inside are seen."""

    modified = False


class FlaskSessions(SessionInterface):
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def open_session(self, app: Flask, request: Request) -> FlaskSession:
        found = self._sessions.load(request.cookies.get(self.get_cookie_name(app)))
        session = FlaskSession(found, found.id, found.created, found.saved)
        session.new = found.id is None
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        assert isinstance(session, FlaskSession)
        if session or session.id is not None or session.accessed:
            response.vary.add("Cookie")
        where = self._where(app)
        match self._sessions.save(session):
            case "set":
                assert session.id is not None
                expires = self.get_expiration_time(app, session)
                response.set_cookie(self.get_cookie_name(app), session.id, expires=expires, **where)
            case "clear":
                response.delete_cookie(self.get_cookie_name(app), **where)
            case _:
                pass

    def _where(self, app: Flask) -> dict[str, Any]:
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "httponly": self.get_cookie_httponly(app),
            "samesite": self.get_cookie_samesite(app) or "Lax",
            "partitioned": self.get_cookie_partitioned(app),
        }
