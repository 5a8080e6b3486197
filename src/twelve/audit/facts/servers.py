"""What is known of the programs that serve: which read PORT themselves, which stop gracefully. Data, with sources."""

from dataclasses import dataclass

from twelve.audit.facts.start import Command


@dataclass(frozen=True, slots=True)
class Server:
    """`development`: not meant for production by its own documentation."""

    name: str
    reads_port: bool
    graceful: bool
    source: str
    development: bool = False


_KNOWN = [
    Server("gunicorn", True, True, "gunicorn/config.py: `bind` defaults to 0.0.0.0:$PORT"),
    Server("uvicorn", False, True, "uvicorn/main.py: auto_envvar_prefix UVICORN, no PORT"),
    Server("hypercorn", False, True, "hypercorn/config.py: bind defaults to 127.0.0.1:8000"),
    Server("daphne", False, True, "daphne/cli.py: port defaults to 8000"),
    Server("waitress-serve", False, True, "waitress/adjustments.py: port defaults to 8080"),
    Server("granian", False, True, "granian/cli.py: GRANIAN_PORT"),
    Server("fastapi", True, True, "fastapi_cli/cli.py: envvar PORT"),
    Server("puma", True, True, "puma/configuration.rb: port from PORT in its default config"),
    Server("flask", False, False, "flask.palletsprojects.com/deploying: not for production", development=True),
    Server("nodemon", False, False, "nodemon.io: a development tool", development=True),
]
SERVERS = {server.name: server for server in _KNOWN}


def of(command: Command) -> Server | None:
    """The server a command starts, if it is one we know."""
    words = command.words
    if command.program.startswith("python") and words[1:2] == ["-m"]:
        return SERVERS.get(words[2]) if len(words) > 2 else None
    return SERVERS.get(command.program)
