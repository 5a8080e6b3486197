"""What is known of the programs that serve: which read PORT themselves, which stop gracefully. Data, with sources."""

from dataclasses import dataclass

from twelve.audit.facts.start import Command


@dataclass(frozen=True, slots=True)
class Server:
    """A program that serves. `loopback`: what it binds when nobody says. `development`: not for production, as it says.

    `port` is what it listens on when nobody says; 0 when it reads PORT.
    """

    name: str
    reads_port: bool
    graceful: bool
    source: str
    development: bool = False
    loopback: bool = False
    port: int = 0


_KNOWN = [
    Server("gunicorn", True, True,
           "gunicorn/config.py: `bind` defaults to 0.0.0.0:$PORT; workers/base.py: handle_exit on SIGTERM"),
    Server("uvicorn", False, True, "uvicorn/main.py: auto_envvar_prefix UVICORN, no PORT; server.py: handle_exit",
           loopback=True, port=8000),
    Server("hypercorn", False, True, "hypercorn/config.py: bind defaults to 127.0.0.1:8000; run.py: SIGTERM",
           loopback=True, port=8000),
    Server("daphne", False, True, "daphne/cli.py: port defaults to 8000; twisted stops on SIGTERM", loopback=True,
           port=8000),
    Server("waitress-serve", False, False, "waitress/adjustments.py: port defaults to 8080; server.py: no SIGTERM",
           port=8080),
    Server("granian", False, True, "granian/cli.py: GRANIAN_PORT, 8000", loopback=True, port=8000),
    Server("fastapi", True, True, "fastapi_cli/cli.py: envvar PORT, served by uvicorn"),
    Server("uwsgi", False, False, "uwsgi-docs: no HTTP port of its own; SIGTERM reloads unless die-on-term"),
    Server("mod_wsgi-express", False, True, "mod_wsgi/server: port defaults to 8000", port=8000),
    Server("puma", False, True,
           "puma lib/puma/configuration.rb: binds tcp://0.0.0.0:9292, of the environment no PORT; docs/signals.md: "
           "TERM lets workers finish", port=9292),
    Server("unicorn", False, False,
           "unicorn lib/unicorn/const.rb: DEFAULT_LISTEN 0.0.0.0:8080; SIGNALS: TERM is a quick shutdown", port=8080),
    Server("rackup", False, True,
           "rackup lib/rackup/server.rb: Port 9292, in development on localhost; puma's handler has puma's signals",
           port=9292),
    Server("rails", True, True,
           'railties server_command.rb: ENV.fetch("PORT", 3000), localhost in development only; served by puma'),
    Server("next", True, True, "next/src/cli/next-start.ts: env PORT; start-server.ts handles SIGTERM"),
    Server("nuxt", True, True, "nitro node-server preset: NITRO_PORT or PORT or 3000; setupGracefulShutdown"),
    Server("serve", True, True,
           "vercel/serve source/main.ts: PORT or 3000; utilities/server.ts closes the server on SIGTERM"),
    Server("streamlit", False, True,
           "streamlit/config.py: server.port 8501, STREAMLIT_SERVER_PORT; web/bootstrap.py: SIGTERM stops the server",
           port=8501),
    Server("flask", False, False, "flask.palletsprojects.com/deploying: not for production", development=True,
           loopback=True, port=5000),
    Server("twelve_runtime.ml", True, True,
           "twelve_runtime/ml/listener.py: PORT; worker.py, prefork.py: SIGTERM drains"),
    Server("twelve-serve", True, True, "twelve_runtime/ml/server.py: the same by another name"),
    Server("nodemon", False, False, "nodemon.io: a development tool", development=True),
]  # fmt: skip
SERVERS = {server.name: server for server in _KNOWN}


@dataclass(frozen=True, slots=True)
class Call:
    """A server that the app's own code starts. `pattern` finds where; `port` finds a literal port in what follows."""

    name: str
    languages: tuple[str, ...]
    pattern: str
    graceful: bool
    source: str


_JS = ("javascript", "typescript", "tsx")
_DIES = "ends at once on SIGTERM unless the app handles it"
CALLS = [
    Call("node http", _JS, r"\.listen\s*\(", False, f"nodejs.org/api/process.html#signal-events: {_DIES}"),
    Call("net/http", ("go",), r"\.?ListenAndServe(?:TLS)?\s*\(|\bhttp\.Serve(?:TLS)?\s*\(", False,
         f"pkg.go.dev/os/signal: {_DIES}"),
    Call("gin", ("go",), r"\b(?:r|router|engine|g|app|server)\.Run\s*\(", False,
         "gin utils.go resolveAddress(): PORT or 8080; no signals"),
    Call("echo", ("go",), r"\be\.Start\s*\(", False, f"echo.labstack.com graceful shutdown is opt-in: {_DIES}"),
    Call("fiber", ("go",), r"\bapp\.Listen\s*\(", False, f"docs.gofiber.io Listen: {_DIES}"),
    Call("aiohttp", ("python",), r"\bweb\.run_app\s*\(", True, "aiohttp/web.py run_app: handle_signals"),
    Call("uvicorn", ("python",), r"\buvicorn\.run\s*\(", True, "uvicorn/server.py: handle_exit on SIGTERM"),
    Call("hypercorn", ("python",), r"\bhypercorn\.\w+\.serve\s*\(", True, "hypercorn/asyncio/run.py: SIGTERM"),
    Call("waitress", ("python",), r"\b(?:waitress\.)?serve\s*\(", False, f"waitress/server.py: {_DIES}"),
    Call("werkzeug", ("python",), r"\b\w+\.run\s*\(", False, "werkzeug/serving.py: not for production, no SIGTERM"),
    Call("http.server", ("python",), r"\.serve_forever\s*\(", False, f"docs.python.org/3/library/http.server: {_DIES}"),
    Call("Spring Boot", ("java",), r"\bSpringApplication\b[^;]*\.run\s*\(", True,
         "docs.spring.io/spring-boot/reference/web/graceful-shutdown.html: the default since 3.4; before, on request"),
]  # fmt: skip
# npm packages that listen for SIGTERM themselves and stop the server; stoppable and http-terminator leave that to the
# app, whose handler is looked for.
NODE_GRACE = {
    "http-graceful-shutdown": "npmjs.com/package/http-graceful-shutdown: signals default to SIGINT SIGTERM",
    "@godaddy/terminus": "npmjs.com/package/@godaddy/terminus: signal defaults to SIGTERM",
    "lightship": "npmjs.com/package/lightship: shutdownSignals",
    "close-with-grace": "npmjs.com/package/close-with-grace: SIGTERM among its signals",
    "fastify-graceful-shutdown": "npmjs.com/package/fastify-graceful-shutdown",
    "express-graceful-shutdown": "npmjs.com/package/express-graceful-shutdown",
}
# Web frameworks that bring no server for production, and servers that may stand behind them; by index.
PYTHON_FRAMEWORKS = {
    "flask", "django", "fastapi", "starlette", "falcon", "pyramid", "quart", "connexion", "litestar", "bottle",
}  # fmt: skip
PYTHON_SERVERS = {
    "gunicorn", "uvicorn", "hypercorn", "daphne", "waitress", "granian", "uwsgi", "cheroot", "cherrypy", "gevent",
    "eventlet", "bjoern", "meinheld", "mod-wsgi", "fastapi-cli", "nginx-unit", "aiohttp", "tornado", "twisted",
    "uvicorn-worker", "pyuwsgi", "fastwsgi", "robyn", "socketify", "zappa", "mangum",
}  # fmt: skip
RUBY_FRAMEWORKS = {"rails", "sinatra", "hanami", "grape", "roda", "padrino"}
RUBY_SERVERS = {"puma", "unicorn", "thin", "falcon", "passenger", "iodine", "agoo", "pitchfork"}


def of(command: Command) -> Server | None:
    """The server a command starts, if it is one we know."""
    words = command.words
    if command.program.startswith("python") and words[1:2] == ["-m"]:
        found = SERVERS.get(words[2]) if len(words) > 2 else None
        return None if found and found.name == "twelve_runtime.ml" and words[3:4] != ["serve"] else found
    found = SERVERS.get(command.program)
    if found and found.name in {"flask", "rails", "fastapi", "next", "streamlit"}:
        return found if {"run", "server", "s", "start"} & set(words[1:]) else None
    return found
