"""Factor X, stand-ins for what production has: an embedded database, a cache in memory, a queue that is none."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import engines, manifests
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.optional import in_tests, parents
from twelve.audit.facts.pythons import name_of, text_of
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import INFO, WARNING, Rulebook

RULES = Rulebook()
RESISTS = (
    "The twelve-factor developer resists the urge to use different backing services between development and production."
)
_WHERE = (Kind.PRODUCTION, Kind.DEVELOPMENT)
_EMBEDDED = re.compile(
    r"sqlite(?:\+\w+)?://(?!/?:memory:)|django\.db\.backends\.sqlite3|jdbc:(?:h2|sqlite|hsqldb|derby):"
    r"|^[ \t]*+adapter:\s*[\"']?sqlite3|\bsqlite\.Open\(|\bsql\.Open\(\s*\"sqlite3?\"|\b(?:dialect|type|client"
    r"|provider)[\"']?\s*[:=]\s*[\"'](?:better-)?sqlite3?[\"']",
    re.MULTILINE,
)
_OF_TESTS = re.compile(r"\btest\w{0,20}['\"]?\s*:\s*\{[^{}]*$")
_FOR_PEOPLE = re.compile(r"(^|/)(scripts?|tools?|bin)/")
_SERVERS = re.compile(
    r"\b(?:postgres(?:ql)?|mysql|mariadb|mssql|oracle)(?:\+\w+)?://|django\.db\.backends\.(?:postgresql|mysql|oracle)\w*"
    r"|django\.contrib\.gis\.db\.backends\.(?:postgis|mysql)|jdbc:(?:postgresql|mysql|mariadb|sqlserver|oracle):"
    r"|^[ \t]*+adapter:\s*[\"']?(?:postgresql|mysql2|trilogy)|\b(?:dialect|type|client"
    r"|provider)[\"']?\s*[:=]\s*[\"'](?:postgres\w*|mysql2?|pg|mariadb)[\"']",
    re.MULTILINE,
)
_LANGUAGES = (
    "python",
    "javascript",
    "typescript",
    "tsx",
    "yaml",
    "properties",
    "ruby",
    "java",
    "json",
    "ini",
    "go",
    "env",
)
# stand-in -> what it stands in for
_STAND_INS = {
    "LocMemCache": "cache", "DummyCache": "cache", "FileBasedCache": "cache", "SimpleCache": "cache",
    "InMemoryChannelLayer": "channel layer", "MemoryJobStore": "job store",
}  # fmt: skip
_REAL = re.compile(
    r"Memcache|RedisCache|PyLibMC|redis_cache|django_redis|DatabaseCache|RedisChannelLayer|channels_redis|RedisJobStore",
    re.IGNORECASE,
)
_EAGER = re.compile(
    r"^(?:CELERY_)?(?:TASK_)?ALWAYS_EAGER$|^(?:CELERY_)?(?:ALWAYS_EAGER|TASK_ALWAYS_EAGER)$", re.IGNORECASE
)
_OFF = {"", "0", "false", "no", "off", "none"}


@extraction(language=_LANGUAGES, needles=("sqlite", "jdbc:"), kinds=_WHERE)
def embedded_databases(file: SourceFile) -> list[tuple[int, str]]:
    """(line, what is named): SQLite, H2 and the like as the database, not in memory."""
    if file.language == "python":  # what other strings say of it is no database
        constants = (node for node in file.nodes if isinstance(node, ast.Constant))
        told = ((node, match) for node in constants if (match := _EMBEDDED.match(text_of(node) or "")))
        return [(node.lineno, match[0]) for node, match in told if not _is_only_named(file, node)]
    text = uncommented(file)
    found = (
        match
        for match in _EMBEDDED.finditer(text)
        if not _OF_TESTS.search(text[max(0, match.start() - 120) : match.start()])
    )
    return [(file.line_at(match.end()), match[0].strip()) for match in found]


def _is_only_named(file: SourceFile, node: ast.AST) -> bool:
    """What is compared with, what a script for people reads, and what tests have."""
    around = parents(file).get(node)
    asked = isinstance(around, ast.Call) and name_of(around.func).endswith(("startswith", "replace"))
    return asked or isinstance(around, ast.Compare) or bool(_FOR_PEOPLE.search(file.path)) or in_tests(file, node)


@RULES.of_code(
    "TF10-sqlite-dev",
    WARNING,
    "Development uses an embedded database, production a server.",
    fix="Use the same engine everywhere: `twelve up` and Compose start a real one.",
    why=RESISTS,
    verdict=Verdict.FAIL,
    bad={
        "config.py": "import os\nDATABASE_URL = os.environ.get('DATABASE_URL') or 'sqlite:///app.db'\n",
        "requirements.txt": "sqlalchemy==2.0.44\npsycopg2==2.9.11\n",
    },
    good={
        "config.py": "import os\nDATABASE_URL = os.environ['DATABASE_URL']\n",
        "requirements.txt": "sqlalchemy==2.0.44\npsycopg2==2.9.11\n",
    },
)
def embedded_in_development(code: Codebase) -> Iterator[Hit]:
    embedded = code.extracted(embedded_databases)
    other = _other_engine(code) if embedded else ""
    yield from _by_groups(code)
    for file, found in embedded if other else []:
        line, told = found[0]
        yield Hit(file.path, line, f"{told} stands in where there is no other; production has {other}.")


def _by_groups(code: Codebase) -> Iterator[Hit]:
    """A Gemfile that has SQLite for development and another client for production."""
    gems = {one.name: one for one in code.fact(manifests.ruby_dependencies)}
    file, own = code.get("Gemfile"), gems.get("sqlite3")
    other = next((gems[name] for name in ("pg", "mysql2", "trilogy") if name in gems and not gems[name].dev), None)
    if file and own and own.dev and own.line and own.path == file.path and other:
        above = [line for line in file.lines[: own.line] if line.startswith("group") or ":development" in line]
        if above and "development" in above[-1]:
            yield Hit(own.path, own.line, f"sqlite3 stands in for {other.name} in development.")


def _other_engine(code: Codebase) -> str:
    """The server that production has instead, by the clients that are declared or the addresses in the code."""
    for engine, client in code.fact(engines.drivers):
        if engine not in engines.EMBEDDED:
            return f"{engine} ({client.name} in {client.path})"
    for file in code.written_in(*_LANGUAGES, kinds=_WHERE):
        if match := _SERVERS.search(uncommented(file)):
            return f"{match[0].strip()} ({file.path}:{file.line_at(match.end())})"
    return ""


@extraction(language="python", needles=tuple(_STAND_INS), kinds=_WHERE)
def stand_ins(file: SourceFile) -> list[tuple[int, str, str]]:
    """(line, back end, what it is one of) where the one that is used everywhere is a stand-in."""
    beside = _beside_a_real_one(file)
    found = []
    for node in file.nodes:
        path, _, name = (text_of(node) or "").rpartition(".")
        if isinstance(node, ast.Constant) and path and name in _STAND_INS and id(node) not in beside:
            found.append((node.lineno, name, _STAND_INS[name]))
    return found


def _beside_a_real_one(file: SourceFile) -> set[int]:
    """Constants in tables that have several back ends side by side: each deploy has them all."""
    spared: set[int] = set()
    for node in file.nodes:
        if isinstance(node, ast.Dict):
            inner = [value for value in node.values if isinstance(value, ast.Dict)]
            backends = [text for one in inner if (text := _backend(one))]
            if len(set(backends)) > 1:
                spared |= {id(leaf) for one in inner for leaf in ast.walk(one)}
    return spared


def _backend(table: ast.Dict) -> str:
    pairs = zip(table.keys, table.values, strict=True)
    return next((text_of(value) or "" for key, value in pairs if text_of(key) == "BACKEND"), "")


@extraction(language="python", needles=("emcache", "edis", "PyLibMC", "DatabaseCache"), kinds=_WHERE)
def real_backends(file: SourceFile) -> list[str]:
    """The back ends that are named as texts or imported: Memcached, Redis."""
    texts = {text for node in file.nodes if isinstance(node, ast.Constant) and (text := text_of(node))}
    return sorted(text for text in texts if _REAL.search(text) and "." in text and " " not in text)[:5]


@RULES.of_code(
    "TF10-adapter-divergence",
    WARNING,
    "Where nothing is configured, another kind of back end takes the place of the real one.",
    fix="Attach the same kind of service in every deploy, and require its URL.",
    why=f"{RESISTS} Lightweight adapters that abstract over the differences are no way out.",
    verdict=Verdict.FAIL,
    bad={
        "settings.py": "import os\nif 'MEMCACHE' in os.environ:\n"
        "    CACHES = {'default': {'BACKEND': 'django.core.cache.backends.memcached.PyMemcacheCache'}}\n"
        "else:\n    CACHES = {'default': {'BACKEND': 'django.core.cache.backends.locmem.LocMemCache'}}\n"
    },
    good={
        "settings.py": "import os\nCACHES = {'default': {'LOCATION': os.environ['CACHE_URL'],"
        " 'BACKEND': 'django.core.cache.backends.redis.RedisCache'}}\n"
    },
)
def adapters_diverge(code: Codebase) -> Iterator[Hit]:
    real = [(file.path, names[0]) for file, names in code.extracted(real_backends)]
    for file, found in code.extracted(stand_ins) if real else []:
        for line, backend, kind in found:
            told = f"{backend} is the {kind} here, {real[0][1]} elsewhere ({real[0][0]})."
            verdict = Verdict.PARTIAL if file.kind is Kind.DEVELOPMENT else None
            yield Hit(file.path, line, told, verdict=verdict)


@extraction(language="python", needles=("ALWAYS_EAGER", "always_eager"), kinds=_WHERE)
def eager_queues(file: SourceFile) -> list[tuple[int, bool]]:
    """(line, whether that is so unless the environment says no) of queues whose jobs run in the web process."""
    found = []
    for name, value in (pair for node in file.nodes for pair in _named_values(node)):
        if _EAGER.match(name) and (eager := _eagerness(value)) and not in_tests(file, value):
            found.append((value.lineno, eager == "yes"))
    return found


def _named_values(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign):
        yield from ((name_of(target).rpartition(".")[2], node.value) for target in node.targets)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield name_of(node.target).rpartition(".")[2], node.value
    elif isinstance(node, ast.Call):
        yield from ((one.arg, one.value) for one in node.keywords if one.arg)


def _eagerness(value: ast.expr) -> str:
    """ "yes" when it is eager by default, "maybe" when that hangs on something else, "" when it is not."""
    if isinstance(value, ast.Constant):
        return "yes" if value.value and str(value.value).lower() not in _OFF else ""
    for node in ast.walk(value):
        if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(default := node.args[1], ast.Constant):
            return "yes" if str(default.value).lower() not in _OFF else ""
    is_negated = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    return "maybe" if is_negated or "DEBUG" in ast.dump(value) else ""


@RULES.of_code(
    "TF10-eager-queue",
    WARNING,
    "By default jobs run at once in the process that should only queue them.",
    fix="Run a worker and a broker in development as well.",
    why=RESISTS,
    bad={"settings.py": "import os\nCELERY_TASK_ALWAYS_EAGER = os.environ.get('EAGER', 'True') != 'False'\n"},
    good={"settings.py": "import os\nCELERY_TASK_ALWAYS_EAGER = False\nCELERY_BROKER_URL = os.environ['BROKER_URL']\n"},
)
def queue_is_eager(code: Codebase) -> Iterator[Hit]:
    for file, found in code.extracted(eager_queues):
        for line, by_default in found:
            if by_default:
                yield Hit(file.path, line)
            else:
                yield Hit(file.path, line, "Jobs run at once where no broker is configured.", severity=INFO)
    file_ = code.get("config/environments/development.rb")
    for line, match in file_.search(r"^\s*config\.active_job\.queue_adapter\s*=\s*:(inline|async)") if file_ else []:
        yield Hit("config/environments/development.rb", line, f"Development queues {match[1]}; production does not.")
