"""Factor V: build, release and run are strictly separate."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries, manifests, start
from twelve.audit.facts.dev_servers import SOURCES, dev_server
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.facts.entries import Entry
from twelve.audit.facts.pythons import calls, name_of
from twelve.audit.facts.start import Command, Start
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, WARNING, Rulebook
from twelve.audit.rules import f05_build
from twelve.audit.rules.f12_admin import MIGRATE, SEED

RULES = Rulebook()
STRICT = "The twelve-factor app uses strict separation between the build, release, and run stages."
# What turns code into something that runs; by tool, as it is called.
_BUILDS = re.compile(
    r"^(?:(?:npm|pnpm|yarn|bun)\s+(?:ci\b|i\b|install\b|run\s+build|build\b)|yarn$|(?:uv\s+)?pip3?\s+install|uv\s+sync|"
    r"poetry\s+install|pipenv\s+(?:install|sync)|pdm\s+install|bundle\s+install|gem\s+install|composer\s+install|"
    r"go\s+(?:build|run|get|mod|install|generate)\b|cargo\s+(?:build|run)|(?:\./)?mvnw?\s.*\b(?:package|install|compile|verify)\b|"
    r"(?:\./)?gradlew?\s.*\b(?:build|assemble|bootJar|installDist)\b|make\b|cmake\b|docker\s+build|apt(?:-get)?\s+install|"
    r"apk\s+add|tsc\b(?!.*--noEmit)|webpack\b(?!\s+serve)|rollup\s|esbuild\s|vite\s+build|next\s+build|nuxt\s+(?:build|generate)|"
    r"react-scripts\s+build|ng\s+build|gulp\b|grunt\b|parcel\s+build|prisma\s+generate|babel\s)"
)
_COMPILES = re.compile(
    r"\b(?:collectstatic|compilemessages|translate\s+compile|pybabel\s+compile|assets:precompile|assets\s+build|msgfmt)\b"
    r"|\bmanage\.py\s+compress\b|\bflask\s+(?:assets\s+build|digest\s+compile)\b"
)
_MUTATES = re.compile(
    r"^(?:git\s+(?:pull|fetch|clone|checkout|reset|submodule\s+update)|svn\s+up|hg\s+pull|patch\s+-|rsync\s|"
    r"(?:npx\s+)?patch-package|sed\s+(?:-\w+\s+)*-i|perl\s+-p?i)"
)
_WRITTEN = re.compile(
    r"(?:\bopen\(\s*f?[\"'](?:\./|/app/)?((?:static|templates|public|app|src)/[^\"'\n]{1,200})[\"']\s*,\s*(?:mode\s*=\s*)?[\"'][wax]"
    r"|\b(?:writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream)\(\s*(?:path\.(?:join|resolve)\(\s*__dirname\s*,\s*)?"
    r"[\"'`](?:\./|\.\./|/)?((?:public|static|views|src|dist)/[^\"'`\n]{1,200})"
    r"|(?:\bsavefig|\.save)\(\s*f?[\"'](?:\./|/app/)?((?:static|public|templates)/[^\"'\n]{1,200}))"
)
_WRITERS = (b"open(", b"savefig(", b".save(", b"writeFile", b"appendFile", b"createWriteStream")
_WERKZEUG = {"flask", "connexion", "bottle", "dash", "quart", "flask-restx", "flask-restful"}
_LOOPS = {"asyncio", "uvicorn", "subprocess", "web", "hypercorn", "trio", "anyio", "gunicorn", "socketio", "mcp", "sp"}
_RUN_OPTIONS = {"host", "port", "debug", "use_reloader", "threaded", "ssl_context", "reloader"}
_NODE_FRAMEWORKS = {"express", "fastify", "koa", "@hapi/hapi", "@nestjs/core", "next", "nuxt", "hono", "restify"}
_FRAMEWORKS = _NODE_FRAMEWORKS | {
    "flask", "django", "fastapi", "starlette", "falcon", "pyramid", "quart", "connexion", "litestar", "bottle",
    "tornado", "aiohttp", "sanic", "streamlit", "rails", "sinatra", "hanami", "grape", "roda",
    "github.com/gin-gonic/gin", "github.com/labstack/echo/v4", "github.com/gofiber/fiber/v2",
    "org.springframework.boot:spring-boot-starter-web",
}  # fmt: skip


def irrelevant(code: Codebase) -> str:
    every = code.fact(start.starts)
    return "" if every or _frameworks(code) else "Nothing here is started as a process: it is no app of its own."


def witness(code: Codebase) -> Iterator[Evidence]:
    """How each process type starts, and that nothing else happens then."""
    for one in code.fact(start.starts):
        commands = [command for command in one.chain if _stage_of(command)]
        if one.chain and not commands:
            told = f"{one.type} starts with `{one.command[:120]}`: nothing is built or installed then"
            yield Evidence(told, one.path, one.line)


def _frameworks(code: Codebase) -> list[manifests.Dependency]:
    declared = code.fact(manifests.declared)
    return [declared[name] for name in sorted(_FRAMEWORKS & declared.keys()) if not declared[name].dev]


@RULES.of_code(
    "TF05-no-start-command",
    WARNING,
    "Nothing says how production starts the app.",
    fix="Write a Procfile, such as `web: gunicorn app:app`.",
    why="The run stage launches some set of the app's processes against a selected release.",
    bad={"app.py": "import flask\napp = flask.Flask(__name__)\n", "requirements.txt": "flask==3.1.0\n"},
    good={
        "app.py": "import flask\napp = flask.Flask(__name__)\n",
        "requirements.txt": "flask==3.1.0\n",
        "Procfile": "web: gunicorn app:app\n",
    },
)
def nothing_starts(code: Codebase) -> Iterator[Hit]:
    used = _frameworks(code)
    if used and not code.fact(start.starts) and not _has_own_command(code):
        first = used[0]
        told = f"{first.name} is declared, and no Procfile, image or script says how the app is started."
        yield Hit(first.path, first.line, told)


def _has_own_command(code: Codebase) -> bool:
    """A distribution that installs a program, and a library, are started by whoever installs them."""
    file = code.get("pyproject.toml")
    project = manifests.table(manifests.parsed_toml(file).get("project")) if file else {}
    package = code.fact(manifests.package_json)
    data = package.data if package else {}
    return "scripts" in project or "entry-points" in project or bool(data.get("bin")) or "exports" in data


@RULES.of_code(
    "TF05-build-at-run",
    ERROR,
    "Work of the build or the release is done whenever a process starts.",
    fix="Build in the build stage; migrate in the release phase (`release:` in the Procfile), or by a one-off process.",
    why="The run stage should be kept to as few moving parts as possible.",
    bad={"Procfile": "web: npm install && npm run build && node server.js\n"},
    good={"Procfile": "web: node server.js\n"},
)
def built_at_run(code: Codebase) -> Iterator[Hit]:
    for command in _run_commands(code):
        stage = _stage_of(command)
        if stage == "build":
            yield Hit(command.path, command.line, f"`{command.text[:100]}` is the build stage's work.")
        elif stage == "release":
            told = f"`{command.text[:100]}` runs with each process: it belongs to the release."
            yield Hit(command.path, command.line, told, severity=WARNING)


def _stage_of(command: Command) -> str:
    """The stage a command that is run at start belongs to, when that is another one."""
    plain = " ".join(command.words)
    if _BUILDS.search(plain) or _COMPILES.search(plain) or _BUILDS.search(command.text):
        return "build"
    return "release" if MIGRATE.search(command.text) or SEED.search(command.text) else ""


def _run_commands(code: Codebase) -> list[Command]:
    """What runs at start, also the other way round, in a container."""
    return [command for one in _ways(code) for command in one.chain]


def _ways(code: Codebase) -> list[Start]:
    every = [one for one in code.fact(start.starts) if one.type != "release"]
    return [*every, *code.fact(start.in_container), *_started_by_compose(code)]


def _started_by_compose(code: Codebase) -> list[Start]:
    """An image that says nothing of its start leaves that to Compose."""
    silent = any(
        not stage.last("CMD") and not stage.last("ENTRYPOINT") for stage in code.fact(production_stages)[:1]
    )  # fmt: skip
    return code.fact(start.composed) if silent else []


@RULES.of_code(
    "TF05-dev-server",
    ERROR,
    "Production is started with a server that is made for development.",
    fix="Start a server for production: gunicorn, uvicorn, puma, `next start`, `node server.js`.",
    why="The run stage runs the app in the execution environment; a development server builds and reloads there.",
    bad={"Procfile": "web: python manage.py runserver 0.0.0.0:$PORT\n"},
    good={"Procfile": "web: gunicorn shop.wsgi\n"},
)
def development_server(code: Codebase) -> Iterator[Hit]:
    usual = {id(command) for one in code.fact(start.starts) for command in one.chain}
    for command in _run_commands(code):
        if name := dev_server(command):
            told = f"{name} is not for production ({SOURCES[name]})."
            yield Hit(command.path, command.line, told, severity=ERROR if id(command) in usual else WARNING)
    for entry in code.fact(entries.entries):
        for line in _werkzeug_lines(code, entry):
            yield Hit(entry.file.path, line, f"`{entry.command.text[:80]}` starts the framework's development server.")


def _werkzeug_lines(code: Codebase, entry: Entry) -> list[int]:
    if not entry.runs or entry.file.language != "python" or not _WERKZEUG & code.fact(manifests.declared).keys():
        return []
    return [call.lineno for call in calls(entry.file) if _is_app_run(call)]


def _is_app_run(call: ast.Call) -> bool:
    """`app.run(port=5000)`, and not the `run` of something that is no app."""
    owner, _, method = name_of(call.func).rpartition(".")
    options = {one.arg for one in call.keywords}
    is_run = method in {"run", "run_server", "run_simple"} and bool(owner) and owner.partition(".")[0] not in _LOOPS
    return is_run and (bool(options & _RUN_OPTIONS) or not (call.args or call.keywords))


@RULES.of_code(
    "TF05-code-mutation-at-run",
    ERROR,
    "The code is changed where it runs.",
    fix="Change code in the build stage, and release it.",
    why="It is impossible to make changes to the code at runtime, since there is no way to propagate them back.",
    bad={"Procfile": "web: git pull && gunicorn app:app\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def code_is_changed(code: Codebase) -> Iterator[Hit]:
    for command in _run_commands(code):
        if _MUTATES.search(" ".join(command.words)) and not _is_outside(command):
            yield Hit(command.path, command.line, f"`{command.text[:100]}` changes the release that is running.")

    for file, places in code.extracted(places_written):
        for line, place in places:
            yield Hit(file.path, line, f"{place} is part of the release, and written at run time.", severity=WARNING)


def _is_outside(command: Command) -> bool:
    return any(word.startswith(("/tmp", "/etc", "/var", "/run", "$HOME", "~")) for word in command.words[1:])  # noqa: S108 - places that are no code


@extraction(
    language=("python", "javascript", "typescript", "tsx"),
    needles=("static/", "templates/", "public/", "views/", "dist/", '"app/', "'app/", '"src/', "'src/"),
)
def places_written(file: SourceFile) -> list[tuple[int, str]]:
    """(line, path) of what the code writes into directories of the release."""
    if not any(word in file.data for word in _WRITERS):
        return []
    return [(line, next(filter(None, match.groups()))) for line, match in file.search(_WRITTEN)]


RULES.rules += f05_build.RULES.rules
