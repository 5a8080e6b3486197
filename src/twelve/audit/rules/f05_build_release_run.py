"""Factor V: build, release and run are strictly separate."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import entries, hosts, manifests, start
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.dev_servers import SOURCES, dev_server
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.facts.entries import Entry
from twelve.audit.facts.imports import is_served
from twelve.audit.facts.optional import opted_into
from twelve.audit.facts.pythons import calls, keyword, name_of
from twelve.audit.facts.start import Command, Start
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, WARNING, Rulebook
from twelve.audit.rules import f05_build
from twelve.audit.rules.f12_admin import MIGRATE, SEED, does_so

RULES = Rulebook()
STRICT = "The twelve-factor app uses strict separation between the build, release, and run stages."
# What turns code into something that runs; by tool, as it is called.
_BUILDS = re.compile(
    r"^(?:python[\d.]*\s+-m\s+pip\s+install|nest\s+start\b(?!.{0,200}--watch)|(?:npm|pnpm|yarn|bun)\s+(?:ci\b|i\b|install\b|run\s+build|build\b)|yarn$|(?:uv\s+)?pip3?\s+install|uv\s+sync|"
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
    r"^(?:git\s+(?:-C\s+\S+\s+)?(?:pull|fetch|clone|checkout|reset|submodule\s+update)|svn\s+up|hg\s+pull|patch\s+-|rsync\s|"
    r"(?:npx\s+)?patch-package|sed\s+(?:-\w+\s+)*-i|perl\s+-p?i)"
)
# A directory of the release at the beginning of a path, after what says where the code is.
_WHERE = r"""(?:\./|\.\./|/app/|/)?((?:static|templates|public|views)(?:/[^"'`\n]{1,200}|(?=["'`])))"""
_JOINED = r"""(?:path\.(?:join|resolve)\(\s*(?:__dirname|process\.cwd\(\))\s*,\s*(?:["']\.\.["']\s*,\s*)?)?"""
_BELOW = r"""(?:os\.path\.join\(\s*[\w.]{1,60},\s*|[\w.]{1,60}\s*/\s*)?"""
_RAILS = r"""(?:Rails\.(?:root|public_path)(?:\.join\(\s*|\s*\+\s*)|["']#\{Rails\.root\}/)?"""
_WRITTEN = {
    "python": re.compile(
        rf"""\bopen\(\s*{_BELOW}f?["']{_WHERE}["'][^()\n]{{0,100}}\)?\s*,\s*(?:mode\s*=\s*)?["'][wax]"""
        rf"""|\bPath\(\s*f?["']{_WHERE}["']\s*\)\.write_(?:text|bytes)\("""
        rf"""|(?:\bsavefig|\.save)\(\s*{_BELOW}f?["']{_WHERE}"""
    ),
    "javascript": re.compile(
        r"\b(?:writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream)"
        rf"""\(\s*{_JOINED}["'`]{_WHERE}"""
    ),
    "ruby": re.compile(
        rf"""\bFile\.(?:write|binwrite)\(?\s*{_RAILS}["']?{_WHERE}"""
        rf"""|\bFile\.open\(?\s*{_RAILS}["']?{_WHERE}["'][^\n]{{0,80}}?,\s*["'][wa]"""
    ),
    "go": re.compile(rf"""\bos\.(?:WriteFile|Create)\(\s*"{_WHERE}"""),
}
_ASIDE = re.compile(r"(^|/)(scripts?|tools?|bin|build|hack|ci|contrib|management|lib/tasks)(/|\.\w+$)")
_MAKES = re.compile(r"(^|/)(build|generate|gen|make|prerender)[^/]{0,60}\.\w+$")
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
        commands = [command for command in one.chain if not command.on_demand and _stage_of(command)]
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
    """A distribution that installs a program, and a library, are started by whoever installs them; so are functions."""
    if hosts.runs_functions(code) or code.find("Procfile", kinds=(Kind.PRODUCTION,)):
        return True
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
    return "release" if does_so(MIGRATE, command.text) or does_so(SEED, command.text) else ""


def _run_commands(code: Codebase) -> list[Command]:
    """What runs at every start, also the other way round, in a container."""
    return [command for one in _ways(code) for command in one.chain if not command.on_demand]


def _ways(code: Codebase) -> list[Start]:
    every = [one for one in code.fact(start.starts) if not start.is_one_off(one)]
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
    if not entry.runs or entry.file.language != "python":
        return []
    is_framework = bool(_WERKZEUG & code.fact(manifests.declared).keys())
    found = (call for call in calls(entry.file) if _serves_developers(call) or (is_framework and _is_app_run(call)))
    return [call.lineno for call in found if not opted_into(entry.file, call)]


def _serves_developers(call: ast.Call) -> bool:
    """The servers of the standard library and werkzeug, and uvicorn when it reloads."""
    name = name_of(call.func)
    reloads = keyword(call, "reload") if name == "uvicorn.run" else None
    is_on = isinstance(reloads, ast.Constant) and reloads.value is True
    return is_on or name.rpartition(".")[2] in {"run_simple", "make_server"}


def _is_app_run(call: ast.Call) -> bool:
    """`app.run(port=5000)`, bottle's `run()`, and not the `run` of something that is no app."""
    options = {one.arg for one in call.keywords}
    if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):  # create_app().run()
        return call.func.attr == "run" and name_of(call.func.value.func).endswith("app")
    owner, _, method = name_of(call.func).rpartition(".")
    if "server" in options or method not in {"run", "run_server"} or owner.partition(".")[0] in _LOOPS:
        return False
    if not owner:
        return method == "run" and {"host", "port"} <= options
    return bool(options & _RUN_OPTIONS) or owner.endswith("app") or not (call.args or call.keywords)


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
        for line, place in places if file.language != "python" or is_served(code, file) else ():
            yield Hit(file.path, line, f"{place} is part of the release, and written at run time.", severity=WARNING)


def _is_outside(command: Command) -> bool:
    return any(word.startswith(("/tmp", "/etc", "/var", "/run", "$HOME", "~")) for word in command.words[1:])  # noqa: S108 - places that are no code


@extraction(
    language=("python", "javascript", "typescript", "tsx", "ruby", "go"),
    needles=("savefig(", ".save(", "write_text", "write_bytes", "open(", "File.open", "File.write", "File.binwrite",
             "os.WriteFile", "os.Create", "writeFile", "appendFile", "createWriteStream"),
)  # fmt: skip
def places_written(file: SourceFile) -> list[tuple[int, str]]:
    """(line, path) of what the code writes into directories of the release."""
    if _ASIDE.search(file.path) or _MAKES.search(file.path) or not any(one in file.data for one in _DIRECTORIES):
        return []
    pattern = _WRITTEN["javascript" if file.language in {"typescript", "tsx"} else file.language]
    return [(line, next(filter(None, match.groups()))) for line, match in in_code(file, pattern)]


_DIRECTORIES = (b"static", b"templates", b"public", b"views")

RULES.rules += f05_build.RULES.rules
