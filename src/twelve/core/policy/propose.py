"""What a codebase without a Procfile most likely runs, from a few facts about it; used by the build and by `init`."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class CodebaseFacts:
    """`files` are paths from the root. `dependencies` are Python and npm names, lower case, "-" for "_".

    Objects are "module:attribute", or "module:factory()" for one that has to be called. `required_keys` and
    `optional_keys` (those read with a default) map a config key the code reads to where it does ("app.py:12").
    """

    name: str = ""
    files: frozenset[str] = frozenset()
    dependencies: frozenset[str] = frozenset()
    npm_scripts: Mapping[str, str] = field(default_factory=dict)
    npm_main: str = ""
    django_settings: str = ""  # "mysite.settings"
    wsgi_apps: tuple[str, ...] = ()
    asgi_apps: tuple[str, ...] = ()
    celery_apps: tuple[str, ...] = ()
    required_keys: Mapping[str, str] = field(default_factory=dict)
    optional_keys: Mapping[str, str] = field(default_factory=dict)


def process_types(facts: CodebaseFacts) -> dict[str, str]:
    """Type -> command; empty when nothing is recognised. Commands bind 0.0.0.0:$PORT."""
    types = _django(facts) or _python(facts) or _node(facts)
    worker = _celery_worker(facts)
    return {**types, **({"worker": worker} if worker else {})}


def _django(facts: CodebaseFacts) -> dict[str, str]:
    manage = min((file for file in facts.files if PurePosixPath(file).name == "manage.py"), key=len, default=None)
    if "django" not in facts.dependencies or manage is None:
        return {}
    python = f"python {shlex.quote(manage)}"
    web = _django_server(facts, str(PurePosixPath(manage).parent))
    return {
        "release": f"{python} migrate --noinput",
        "web": web or f"{python} runserver 0.0.0.0:$PORT --noreload",
    }


def _django_server(facts: CodebaseFacts, directory: str) -> str | None:
    package = django_package(facts)
    if not package:
        return None
    chdir = "" if directory == "." else f" --chdir {shlex.quote(directory)}"
    if "gunicorn" in facts.dependencies:
        return f"gunicorn{chdir} --bind 0.0.0.0:$PORT {package}.wsgi:application"
    if "uvicorn" in facts.dependencies:
        app_dir = chdir.replace("--chdir", "--app-dir")
        return f"uvicorn{app_dir} --host 0.0.0.0 --port $PORT {package}.asgi:application"
    if "waitress" in facts.dependencies and not chdir:
        return f"waitress-serve --port=$PORT {package}.wsgi:application"
    return None


def django_package(facts: CodebaseFacts) -> str:
    """The package that holds wsgi.py: "config" for settings in "config.settings.production"."""
    return facts.django_settings.partition(".settings")[0] if ".settings" in facts.django_settings else ""


def _python(facts: CodebaseFacts) -> dict[str, str]:
    web = _asgi(facts) or _wsgi(facts)
    migrate = _migration(facts)
    return {**({"release": migrate} if migrate else {}), "web": web} if web else {}


def _migration(facts: CodebaseFacts) -> str | None:
    if "alembic" in facts.dependencies and "alembic.ini" in facts.files:
        return "alembic upgrade head"
    if "flask-migrate" in facts.dependencies and "migrations/env.py" in facts.files and facts.wsgi_apps:
        return f"flask --app {shlex.quote(facts.wsgi_apps[0])} db upgrade"
    return None


def _asgi(facts: CodebaseFacts) -> str | None:
    if not facts.asgi_apps:
        return None
    app, factory = _target(facts.asgi_apps[0])
    if "hypercorn" in facts.dependencies and "uvicorn" not in facts.dependencies:
        return f"hypercorn --bind 0.0.0.0:$PORT {shlex.quote(facts.asgi_apps[0])}"
    return f"uvicorn --host 0.0.0.0 --port $PORT {'--factory ' if factory else ''}{app}"


def _wsgi(facts: CodebaseFacts) -> str | None:
    found = bool(facts.wsgi_apps)
    if found and "gunicorn" in facts.dependencies:
        return f"gunicorn --bind 0.0.0.0:$PORT {shlex.quote(facts.wsgi_apps[0])}"
    if found and "waitress" in facts.dependencies:
        app, factory = _target(facts.wsgi_apps[0])
        return f"waitress-serve --port=$PORT {'--call ' if factory else ''}{app}"
    if "flask" not in facts.dependencies:
        return None
    if found:
        return f"flask --app {shlex.quote(facts.wsgi_apps[0])} run --host 0.0.0.0 --port $PORT"
    discoverable = facts.files & {"app.py", "wsgi.py"}  # flask looks for these two by itself
    return "flask run --host 0.0.0.0 --port $PORT" if discoverable else None


def _target(app: str) -> tuple[str, bool]:
    """The object's name for a shell, and whether it is a factory."""
    return shlex.quote(app.removesuffix("()")), app.endswith("()")


def _celery_worker(facts: CodebaseFacts) -> str | None:
    app = next(iter(facts.celery_apps), django_package(facts))
    if "celery" not in facts.dependencies or not app:
        return None
    return f"celery --app {shlex.quote(app)} worker --loglevel info"


def _node(facts: CodebaseFacts) -> dict[str, str]:
    if "package.json" not in facts.files:
        return {}
    candidates = [facts.npm_main.removeprefix("./"), "server.js", "index.js", "app.js"]
    script = next((file for file in candidates if file in facts.files), None)
    web = "npm start" if "start" in facts.npm_scripts else script and f"node {shlex.quote(script)}"
    worker = {"worker": "npm run worker"} if "worker" in facts.npm_scripts else {}
    return {"web": web, **worker} if web else worker
