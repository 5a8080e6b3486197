"""Factor IV: backing services are attached by URL from the environment."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import environment, framework_files, services, start
from twelve.audit.facts.comments import begins_string, in_code, inside, is_inside_string, uncommented
from twelve.audit.facts.pythons import is_a_string
from twelve.audit.facts.secrets import masked
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook
from twelve.audit.rules import f04_stores

RULES = Rulebook()
SHOWN = 5
CODE = ("python", "javascript", "typescript", "ruby", "go", "java")
_URL = re.compile(rf"""["'`](?P<url>{services.SCHEMES}:/{{1,2}}[^\s"'`<>]+)["'`]""")
_PROPERTY = re.compile(
    rf"^[ \t]*[\w.-]+\s*[=:]\s*[\"']?(?P<url>{services.SCHEMES}:/{{1,2}}[^\s\"'$]+)[\"']?\s*$", re.MULTILINE
)
_NO_ENDPOINT = re.compile(
    r"(?i)startswith|replace\(|\bsub\(|removeprefix|has_?prefix|includes\(|indexOf|===?\s*[\"']|\bin\s*[\[({]|example|placeholder"
    r"|help\s*=|description|raise |throw |error|add_argument|option\(|flag\.|usage|pattern|regex|test\("
)
_TEMPLATE = re.compile(r"[{}]|%[sd(]|\$|user(?:name)?:pass(?:word)?@(?:host|server)|//host(?:name)?[:/]|\.\.\.")


def irrelevant(code: Codebase) -> str:
    nothing = not code.fact(services.clients) and not code.fact(services.attached)
    if (
        nothing
        and code.written_in(*CODE)
        and not code.extracted(endpoints)
        and not code.extracted(services.local_files)
    ):
        return "It declares no client of a backing service, and reads the address of none."
    return ""


def witness(code: Codebase) -> Iterator[Evidence]:
    """The variables that attach its services."""
    for read in code.fact(services.attached)[:SHOWN]:
        yield Evidence(f"{read.name} attaches a service from the environment", read.path, read.line)


_CLIENT = re.compile(
    r"\b(?P<name>(?:Strict)?Redis|IORedis|(?:AsyncIOMotor|Async)?MongoClient|SMTP(?:_SSL)?|(?:Async)?(?:Elasticsearch|OpenSearch)"
    r"|createConnection|createPool|createClient|createTransport|Pool|Sequelize|Memcached|Minio|KafkaProducer|KafkaConsumer|Kafka"
    r"|Options|DataSource|forRoot|Queue|Jedis(?:Pool)?|Client|knex(?:['\"]\))?|redis\.Dial|smtp\.SendMail|establish_connection"
    r"|(?:Redis|PG|Sequel|Mysql2::Client|Mongo::Client|Bunny|Dalli::Client)\.(?:new|connect)"
    r"|(?:psycopg2?|pymysql|MySQLdb|asyncpg|mysql\.connector|aiomysql|mysql|amqp|pika\.ConnectionParameters)(?:\.connect)?)"
    r"\s*(?P<open>[({])"
)
_MANY = {"Client": re.compile(rb"elasticsearch|opensearch|[\"']pg[\"']|memcache")}  # names that others have as well
_ALONE = re.compile(r"^(?:(?:Strict)?Redis|IORedis|(?:AsyncIOMotor)?MongoClient|createClient|Redis\.new)$")
_HOST = re.compile(
    r"""\b(?:host|hostname|bootstrap_servers|brokers|servers?|Addr|node|hosts|service)["']?\s*+[=:]\s*+(?:\[\s*+)?["'`](?P<host>[\w.:/-]++)["'`]"""
)
_FIRST = re.compile(
    r"""^[ \t]*(?:\d+\s*,\s*|"tcp"\s*,\s*)?\[?["'](?P<host>[\w-]+(?:\.[\w-]+)+(?::\d+)?|localhost(?::\d+)?|https?://[\w.:-]+)["']"""
)
_SETTING = re.compile(
    r"""\b(?P<name>(?:[A-Z]+_)?(?:MYSQL|POSTGRES|REDIS|MONGO|MONGODB|RABBITMQ|DB|DATABASE|EMAIL|MAIL|SMTP|ELASTICSEARCH|KAFKA|MEMCACHED)_(?:HOST|SERVER|HOSTNAME))"""
    r"""["'\]]*\s*[=:]\s*["'](?P<host>[\w-]+(?:\.[\w-]+)+|localhost)["']"""
    r"""|["']HOST["']\s*:\s*["'](?P<django>[\w.-]+)["']"""
    r"""|["']LOCATION["']\s*+:\s*+(?:\[\s*+)?["'](?P<cache>[\w.-]+:\d{2,5})["']"""
    r"""|["']hosts["']\s*:\s*\[\s*\(\s*["'](?P<layer>[\w.-]+)["']"""
    r"""|["']bootstrap\.servers["']\s*[:,]\s*["'](?P<kafka>[\w.-]+:\d{2,5})\b"""
    r"""|smtp_settings\s*=\s*\{[^{}]{0,300}?\baddress:\s*["'](?P<mailer>[\w.-]+)["']"""
)  # fmt: skip
_SETTING_MARKS = re.compile(rb"_HOST|_SERVER|['\"](?:HOST|LOCATION|hosts|bootstrap\.servers)['\"]|smtp_settings")
_CLIENT_MARKS = re.compile(
    rb"Redis|Mongo|SMTP|[sS]earch|create(?:Connection|Pool|Client|Transport)|\bPool|Sequel|Memcached|memcache|Minio|Kafka|Options"
    rb"|connect|ConnectionParameters|DataSource|forRoot|Queue|Jedis|knex|redis|smtp"
)
# An address that is told in words: libpq's, the driver of MySQL for Go.
_TOLD = re.compile(
    r"""["'`](?=[^"'`\n]{0,200}\b(?:dbname|user)=)[^"'`\n]{0,200}?\bhost=(?P<host>[\w.-]+)"""
    r"""|["'`][^"'`\n@]{0,80}@tcp\((?P<tcp>[\w.:-]+)\)/"""
)
_BUCKET = re.compile(
    r"""(?:\bBucket\s*[=:]\s*|\.[bB]ucket\(\s*|(?<![A-Za-z])BUCKET(?:_NAME)?\s*=\s*|\.upload_file(?:obj)?\([^,()\n]{1,80},\s*)["'](?P<bucket>[a-z0-9][a-z0-9.-]{2,62})["']"""
)
_CONSTANT = re.compile(r"^[ \t]*(?:const[ \t]+)?(?:db_?)?[hH]ost[ \t]*:?=[ \t]*\"(?P<host>[\w.-]+)\"", re.MULTILINE)
_TRACKING = re.compile(r"""set_tracking_uri\(\s*["'](?P<uri>[^"'\n]+)["']""")
_ASSIGNED = re.compile(r"""(?<!\w)(\w{1,80}+)["'\]]{0,3}+\s{0,9}+[:=]\s{0,9}+$""")
_CALLED = re.compile(
    r"(?i)(?:connect|engine|pool|client|from_?url|parse_?url|open|dial|redis|mongo|celery|sequelize|knex)\w{0,20}+\s?+$"
)
_TASKS = re.compile(r"(?i)(^|/)(scripts?|bin|tools?|seeds?|migrations?|management|cli)/|seed|reset|(^|/)manage\.py$")


@extraction(
    language=(*CODE, "properties", "yaml"),
    needles=("postgres", "mysql", "mariadb", "mongodb", "redis:", "rediss:", "amqp", "kafka", "memcache", "smtp",
             "nats:", "mssql", "oracle", "jdbc:", "elasticsearch", "Redis", "Mongo", "SMTP", "Elasticsearch",
             "OpenSearch", "createConnection", "createPool", "createClient", "createTransport", "Sequelize",
             "Memcached", "Minio", "Kafka", ".connect", "ConnectionParameters", "DataSource", "forRoot", "new Queue",
             "Jedis", "knex", "redis.Dial", "smtp.SendMail", "PG.", "Sequel.", "establish_connection",
             "memcache.Client", "LOCATION", "CHANNEL_LAYERS", "bootstrap.servers", "smtp_settings", "host=", "@tcp(",
             ".upload_file", "_HOST", "_SERVER", "'HOST'", '"HOST"', "Bucket", ".bucket(", "BUCKET_NAME",
             "set_tracking_uri", "redis.Options"),
)  # fmt: skip
def endpoints(file: SourceFile) -> list[tuple[int, str, bool]]:
    """(line, what, whether a variable of the framework overrides it) of addresses that stand in the code."""
    if _TASKS.search(file.path):
        return []
    if file.language in {"properties", "yaml"}:
        spring = file.name.startswith(("application", "bootstrap"))
        return [(line, match["url"], True) for line, match in in_code(file, _PROPERTY)] if spring else []
    defaults = {read.line: f"{read.default} {read.otherwise}" for read in environment.of_file(file)}
    told = [*_urls(file), *_hosts(file)]
    known = {(line, text): None for line, text in told if not _is_a_default(line, text, defaults)}
    return [(line, text, False) for line, text in known]


def _is_a_default(line: int, told: str, defaults: dict[int, str]) -> bool:
    return any(abs(line - at) <= 4 and told in default for at, default in defaults.items())


def _urls(file: SourceFile) -> Iterator[tuple[int, str]]:
    for line, match in in_code(file, _URL):
        url, around = match["url"], _around(match)
        if file.language == "python" and not is_a_string(file, line, url):
            continue
        host = services.host_of(url)
        if services.RESERVED.search(host) and not _is_handed_on(match):
            continue
        if host and not _TEMPLATE.search(url) and not _NO_ENDPOINT.search(around.replace(url, "")):
            yield line, url


def _is_handed_on(match: re.Match[str]) -> bool:
    """To a client, or to a variable for one: a name that is reserved for documents is else only shown to people."""
    before = match.string[max(0, match.start() - 200) : match.start()].rpartition("\n")[2]
    called = _CALLED.search(before[: max(before.rfind("("), before.rfind("{"), 0)])
    named = _ASSIGNED.search(before)
    return bool(called) or bool(named and services.is_service_variable(named[1]))


def _around(match: re.Match[str]) -> str:
    """Its line, as far as it is near."""
    before = match.string[max(0, match.start() - 200) : match.start()].rpartition("\n")[2]
    return before + match.string[match.start() : match.end() + 60].partition("\n")[0]


def _hosts(file: SourceFile) -> Iterator[tuple[int, str]]:
    """A look at the bytes first: these patterns are slow."""
    settings = _SETTING_MARKS.search(file.data) and _SETTING.search(file.text)
    clients = _CLIENT_MARKS.search(file.data) and _CLIENT.search(file.text)
    told = (b"host=" in file.data or b"@tcp(" in file.data) and _TOLD.search(file.text)
    if not (
        settings or clients or told or re.search(rb"ucket|BUCKET|set_tracking_uri|upload_file|\"host=%s", file.data)
    ):
        return
    text = uncommented(file)
    yield from _of_clients(file, text) if clients else ()
    for match in _SETTING.finditer(text):
        group = next(name for name in ("host", "django", "cache", "layer", "kafka", "mailer") if match[name])
        if begins_string(file, match.start(group) - 1) and (group != "django" or "DATABASES" in text):
            yield file.line_at(match.start()), match[group]
    for match in _TOLD.finditer(text) if told else ():
        if begins_string(file, match.start()):
            yield file.line_at(match.start()), match["host"] or match["tcp"]
    if b'"host=%s' in file.data:
        yield from ((file.line_at(match.start()), match["host"]) for match in _CONSTANT.finditer(text))
    if re.search(rb"boto|aws|s3|storage|minio", file.data, re.IGNORECASE):
        yield from ((file.line_at(match.start()), match["bucket"]) for match in _BUCKET.finditer(text))
    yield from ((file.line_at(match.start()), match["uri"]) for match in _TRACKING.finditer(text))


def _of_clients(file: SourceFile, text: str) -> Iterator[tuple[int, str]]:
    for match in _CLIENT.finditer(text):
        if (known := _MANY.get(match["name"])) and not known.search(file.data):
            continue
        arguments = inside(text, match.start("open"), 600)
        host = _host(match["name"], arguments)
        if not host and not arguments.strip() and _ALONE.match(match["name"]) and _makes_one(text, match):
            host = "localhost, its default,"
        if host and not is_inside_string(file, match.start("open")) and not _is_found_out(host, arguments):
            yield file.line_at(match.start()), host


def _host(name: str, arguments: str) -> str:
    """A `service` is one of those that nodemailer knows by name."""
    for match in _HOST.finditer(arguments):
        if not match[0].startswith("service") or name == "createTransport":
            return match["host"]
    first = _FIRST.match(arguments)
    return first["host"] if first else ""


def _makes_one(text: str, match: re.Match[str]) -> bool:
    """A call, of a client that the file has from its library; not a definition."""
    before = text[max(0, match.start() - 40) : match.start()].rpartition("\n")[2]
    return not re.search(r"\b(?:class|def|function|func)\s+$", before) and bool(
        re.search(r"(?:import|require|from|gem)\b[^\n]{0,80}\b(?:redis|ioredis|pymongo|motor|mongodb)\b", text)
    )


def _is_found_out(host: str, arguments: str) -> bool:
    """A service on this machine, whose port the app chose itself."""
    return bool(services.LOCAL.match(host)) and re.search(r"\bport\s*[=:]\s*[A-Za-z_]", arguments) is not None


@RULES.of_code(
    "TF04-hardcoded-backing-service",
    ERROR,
    "The address of a backing service is a constant in the code.",
    fix="Read its URL from the environment, so that another one can be attached without a change of the code.",
    why="A deploy can swap a local database for one of a third party without any changes to the app's code.",
    bad={"app.py": "import redis\n\nstore = redis.Redis(host='cache.shop.com')\n"},
    good={"app.py": "import os, redis\n\nstore = redis.Redis.from_url(os.environ['REDIS_URL'])\n"},
)
def address_is_a_constant(code: Codebase) -> Iterator[Hit]:
    """What starts no process has no service: a script for people beside the app is left alone."""
    for file, found in code.extracted(endpoints):
        for line, told, overridden in found:
            message = f"{_shown(told)} is a constant in the code."
            if overridden:
                yield Hit(file.path, line, f"{message} A variable of Spring's own overrides it.", WARNING)
            else:
                yield Hit(file.path, line, message)
    for file, rows in code.extracted(framework_files.attached):
        for line, told, is_file in rows:
            if not is_file and file.name.endswith(".prisma"):
                yield Hit(file.path, line, f"{_shown(told)} is a constant in the schema.")
            elif not is_file:
                message = f"{_shown(told)} is a constant in the config; a variable of the framework's own overrides it."
                yield Hit(file.path, line, message, WARNING)


def _shown(told: str) -> str:
    return re.sub(r"://([^@/:]*):([^@/]+)@", lambda match: f"://{match[1]}:{masked(match[2])}@", told)


@RULES.of_code(
    "TF04-localhost-default",
    INFO,
    "A backing service is looked for on this machine when nothing attaches one.",
    fix="Require the URL: an app that lacks a service ends at once and names it.",
    why="A forgotten variable shows as a refused connection, or as the wrong database.",
    bad={"app.py": "import os\n\nurl = os.environ.get('REDIS_URL', 'redis://localhost:6379')\n"},
    good={"app.py": "import os\n\nurl = os.environ['REDIS_URL']\n"},
)
def default_is_local(code: Codebase) -> Iterator[Hit]:
    for read in code.fact(environment.reads):
        default = (read.default or "").strip()
        url = re.match(rf"{services.SCHEMES}:/{{1,2}}", default)
        host = services.host_of(default)
        if url and (not host or services.LOCAL.match(host)):
            password = re.search(r"://[^:/@]*:[^@/]+@", default)
            told = f"{read.name} falls back to a service on this machine"
            if password:
                message = f"{told}, with a password in the code."
                yield Hit(read.path, read.line, message, WARNING, Verdict.PASS)
            else:
                yield Hit(read.path, read.line, f"{told}.")
        elif services.is_service_variable(read.name) and services.LOCAL.match(default.partition(":")[0]):
            yield Hit(read.path, read.line, f"{read.name} falls back to {default}.")


@RULES.of_code(
    "TF04-default-endpoint",
    WARNING,
    "A backing service has the address of another machine as its default.",
    fix="Require the URL: it belongs to the deploy.",
    why="Without its variable the app starts, and talks to a service that nobody attached.",
    bad={"application.properties": "spring.datasource.url=${JDBC_DATABASE_URL:jdbc:postgresql://example.com/app}\n"},
    good={"application.properties": "spring.datasource.url=${JDBC_DATABASE_URL}\n"},
)
def default_is_elsewhere(code: Codebase) -> Iterator[Hit]:
    for read in code.fact(environment.reads):
        default = (read.default or "").strip()
        host = services.host_of(default)
        if re.match(rf"{services.SCHEMES}:/{{1,2}}", default) and host and not services.LOCAL.match(host):
            composed = "." not in host and bool(code.fact(start.composed))
            yield Hit(read.path, read.line, f"{read.name} falls back to {host}.", INFO if composed else None)


RULES.rules.extend(f04_stores.RULES.rules)
