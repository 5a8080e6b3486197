"""The backing services of an app: clients it declares, variables that attach them, addresses and files in the code."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import environment, framework_files, manifests
from twelve.audit.facts.comments import in_code, uncommented
from twelve.audit.facts.environment import Read
from twelve.audit.facts.manifests import Dependency

# kind -> the last part of the names of its clients, in any language
_CLIENTS = {
    "database": "psycopg psycopg2 psycopg2-binary asyncpg pg8000 aiopg pg pg-promise postgres pgx pq postgresql "
    "mysqlclient pymysql aiomysql mysql mysql2 mysql-connector-python mysql-connector-java mysql-connector-j "
    "mariadb sqlalchemy flask-sqlalchemy sqlmodel peewee tortoise-orm sequelize typeorm knex gorm sqlx "
    "spring-boot-starter-data-jpa spring-boot-starter-jdbc activerecord oracledb cx-oracle pyodbc mssql tedious "
    "cassandra-driver prisma @prisma/client drizzle-orm dj-database-url",
    "document store": "pymongo motor mongoengine djongo beanie mongodb mongoose mongoid mongo-driver mongo couchdb "
    "spring-boot-starter-data-mongodb flask-pymongo neo4j",
    "key-value store": "redis aioredis django-redis ioredis go-redis redigo jedis lettuce-core valkey memcached "
    "pymemcache python-memcached pylibmc dalli spring-boot-starter-data-redis flask-redis rq bull bullmq sidekiq "
    "connect-redis django-bmemcached",
    "queue": "celery kombu pika aio-pika amqplib bunny amqp kafka-python confluent-kafka aiokafka kafkajs sarama "
    "nats-py nats spring-boot-starter-amqp spring-kafka dramatiq",
    "search engine": "elasticsearch elasticsearch-dsl opensearch-py @elastic/elasticsearch algoliasearch meilisearch",
    "object store": "boto3 aioboto3 minio google-cloud-storage azure-storage-blob django-storages s3fs aws-sdk "
    "obstore @aws-sdk/client-s3 aws-sdk-s3 @google-cloud/storage cloudinary",
    "mail": "nodemailer flask-mail sendgrid @sendgrid/mail aiosmtplib fastapi-mail mailgun django-anymail postmarker "
    "spring-boot-starter-mail",
    "service of others": "stripe twilio openai anthropic algoliasearch pusher slack-sdk firebase-admin supabase",
}
_KIND_OF = {name: kind for kind, names in _CLIENTS.items() for name in names.split()}
_SERVICE = (
    r"DATABASE|DB|SQL|POSTGRES\w*|PG\w*|MYSQL|MARIADB|MSSQL|ORACLE|MONGO\w*|COUCH\w*|REDIS\w*|VALKEY|RABBIT\w*|AMQP\w*"
    r"|CLOUDAMQP|KAFKA\w*|NATS|MEMCACHE\w*|CACHE|BROKER|CELERY_BROKER|CELERY_RESULT|RESULT|QUEUE|ELASTIC\w*|OPENSEARCH\w*"
    r"|SMTP|MAIL|EMAIL|MAILGUN|SENDGRID|S3|AWS_S3|AWS|MODEL_STORE|GS|GCS|MINIO|BUCKET\w*|STORAGE|JDBC\w*|SPRING_DATASOURCE"
    r"|SQLALCHEMY\w*|SPRING_REDIS|SPRING_DATA_\w+|BONSAI|CLEARDB|JAWSDB\w*|STACKHERO\w*|OBSERVABILITY_BROKER"
)
_SUFFIX = (
    r"URLS?|URI|DSN|HOSTS?|HOSTNAME|SERVERS?|ADDR\w*|ENDPOINT\w*|BUCKET\w*|BROKERS?|CONNECTION\w*|NODES?|STORAGE_BUCKET\w*"
    r"|BOOTSTRAP_SERVERS|CONNECTION_STRING|DATABASE_URI|BACKEND"
)
_VARIABLE = re.compile(rf"(?:\w+_)??(?:{_SERVICE})(?:_\w+?)??_(?:{_SUFFIX})(?:_\w+)?|(?:MONGO|REDIS|RABBITMQ|KAFKA)\w*")
LONGEST = 80  # characters of a variable's name
_PARTS = ("_USER", "_USERNAME", "_PASSWORD", "_PASS", "_PORT", "_TTL", "_TIMEOUT", "_KEY", "_SIZE", "_PREFIX", "_TOKEN")
SCHEMES = (
    r"(?:postgres(?:ql)?(?:\+\w+)?|mysql(?:\+\w+)?|mariadb(?:\+\w+)?|mongodb(?:\+srv)?|rediss?|valkeys?|(?:py)?amqps?|kafka"
    r"|memcached?|smtps?|nats|mssql(?:\+\w+)?|oracle(?:\+\w+)?|cockroachdb|elasticsearch|jdbc:(?!h2|sqlite|hsqldb|derby)\w+(?::\w+)?)"
)
# RFC 2606 and 6761: names that are nobody's, for documents and tests
RESERVED = re.compile(r"(?i)(?:^|[.@])(?:example\.(?:com|net|org)|example|test|invalid)\.?(?::\d+)?$")
LOCAL = re.compile(r"^(?:localhost|127\.\d+\.\d+\.\d+|\[?::1\]?|0\.0\.0\.0|host\.docker\.internal)$")


@dataclass(frozen=True, slots=True)
class Client:
    kind: str
    dependency: Dependency


def clients(code: Codebase) -> list[Client]:
    """Libraries that production has to talk to backing services."""
    found = []
    for name, dependency in code.fact(manifests.declared).items():
        last = re.sub(r"/v\d+$", "", name).rsplit(":")[-1]
        kind = _KIND_OF.get(last) or _KIND_OF.get(last.rpartition("/")[2] if not name.startswith("@") else last)
        if kind and not dependency.dev:
            found.append(Client(kind, dependency))
    return found


def is_service_variable(name: str) -> bool:
    """DATABASE_URL, REDIS_HOST, S3_BUCKET: where a backing service is."""
    return len(name) <= LONGEST and bool(_VARIABLE.fullmatch(name.upper())) and not name.upper().endswith(_PARTS)


def attached(code: Codebase) -> list[Read]:
    """What the app reads to find its services; one a variable."""
    found = {read.name: read for read in reversed(code.fact(environment.reads)) if is_service_variable(read.name)}
    return list(reversed(found.values()))


def host_of(url: str) -> str:
    """Empty when a URL has none, as redis:// and sqlite:///x."""
    match = re.match(r"[\w+:.]{0,60}?://(?:[^@/\s]*+@)?(\[[^\]]{0,60}+\]|[^:/?\s]*+)", url)
    return match[1] if match else ""


_SQLITE = (
    r"""["'](?P<url>(?:sqlite(?:\+\w+)?|h2|jdbc:(?:sqlite|h2|hsqldb|derby))(?::(?:file|mem))?:(?!/{0,3}:memory:)[^"'\n]*)"""
    r"""|(?<!\w)sqlite3\.connect\(\s*(?:["'](?!:memory:|file:[^"']*mode=ro)(?P<path>[^"'\n]+)["'])"""
    r"""|["']ENGINE["']\s*:\s*["']django\.db\.backends\.(?P<engine>sqlite3)["']"""
    r"""|new\s+(?:sqlite3\.|Better)?(?:Database|Sqlite3)\(\s*["'`](?!:memory:)(?P<js>[^"'`\n]+\.(?:db|sqlite3?|sqlite3?\.db))["'`]"""
    r"""|\baiosqlite\.connect\(\s*["'](?!:memory:)(?P<aio>[^"'\n]+)["']|\bSqlite(?:Ext)?Database\(\s*["'](?!:memory:)(?P<peewee>[^"'\n]+)["']"""
    r"""|\bTinyDB\(\s*["'](?P<tiny>[^"'\n]+)["']|\bSequel\.sqlite\(\s*["'](?P<sequel>[^"'\n]+)["']"""
    r"""|\bSQLite3::Database\.(?:new|open)[ (]\s*["'](?!:memory:)(?P<ruby>[^"'\n]+)["']"""
    r"""|\b(?:bolt|bbolt|badger|buntdb|leveldb)\.Open(?:File)?\(\s*"(?!:memory:)(?P<bolt>[^"\n]+)\""""
    r"""|(?:storage|filename|database)\s*:\s*["'`](?P<file>[^"'`\n:]+\.(?:db|sqlite3?|json))["'`]"""
    r"""|sql(?:x)?\.Open\(\s*"sqlite3?"\s*,\s*"(?!:memory:|file::memory:)(?P<go>[^"\n]+)"|sqlite\.Open\(\s*"(?!:memory:|file::memory:)(?P<gorm>[^"\n]+)\""""
    r"""|\b(?:JSONFile(?:Sync)?|FileSync)\(\s*["'`](?P<low>[^"'`\n]+)["'`]"""
)
_PROPERTY = re.compile(
    r"^[ \t]*(?:[\w.-]*url)\s*[=:]\s*[\"']?(?P<url>jdbc:(?:h2|sqlite|hsqldb|derby):[^\s\"'$]+)", re.MULTILINE
)
_BY_NAME = re.compile(r"(?<!\w)sqlite3\.connect\(\s*(?P<name>(?!f?[\"'])[\w.\[\]\"']{1,80})")
_KEEPS = re.compile(r"(?i)\.commit\(|executescript\(|insert into|create table")
_NOT_OPENED = re.compile(r"(?i)startswith\(|startsWith\(|add_argument\(|option\(|replace\(|==\s*$|\bin\s*[(\[]?$")
_EMBEDDED_FILE = re.compile(_SQLITE)
_NO_STORE = re.compile(r"(?i)cache|/tmp/|tempfile|migrations?/|(^|/)(scripts?|bin|tools?|management|cli)/")


@extraction(
    language=("python", "javascript", "typescript", "go", "properties", "yaml", "ruby"),
    needles=(
        "sqlite",
        "SQLite",
        "Sqlite",
        "TinyDB",
        "bolt",
        "badger",
        "buntdb",
        "leveldb",
        "jdbc:",
        "JSONFile",
        "FileSync",
        "nedb",
        '.db"',
        ".db'",
    ),
)
def local_files(file: SourceFile) -> list[tuple[int, str]]:
    """(line, what) of databases that are files, or memory, of the process itself."""
    if _NO_STORE.search(file.path):
        return []
    pattern = _PROPERTY if file.language in {"properties", "yaml"} else _EMBEDDED_FILE
    found = []
    for line, match in in_code(file, pattern):
        told = next(text for text in match.groupdict().values() if text)
        if _is_scratch(match):
            continue
        is_filename = "file" in match.groupdict() and match.groupdict()["file"]
        if not is_filename or re.search(rb"sqlite|nedb|knex|sequelize", file.data):
            found.append((line, told))
    return found or list(_opened_by_name(file))


def _is_scratch(match: re.Match[str]) -> bool:
    """Only compared, shown or offered; or in memory, as a test's."""
    before = match.string[max(0, match.start() - 120) : match.start()].rpartition("\n")[2]
    memory = match.groupdict().get("engine") and ":memory:" in match.string[match.end() : match.end() + 200]
    return bool(memory) or _NOT_OPENED.search(before) is not None


def _opened_by_name(file: SourceFile) -> Iterator[tuple[int, str]]:
    """sqlite3.connect(DATABASE), where something is kept."""
    if file.language == "python" and b"sqlite3.connect" in file.data and _KEEPS.search(file.text):
        for line, match in in_code(file, _BY_NAME):
            yield line, f"what {match['name']} names"


_OTHER_STORE = re.compile(
    r"django\.db\.backends\.(?:postgresql|mysql|oracle)|adapter:\s*(?:postgresql|mysql2|trilogy)|dialect\s*:\s*[\"'](?:postgres|mysql)"
)


@extraction(needles=("django.db.backends", "adapter:", "dialect"))
def other_stores(file: SourceFile) -> bool:
    return _OTHER_STORE.search(uncommented(file)) is not None


def only_local(code: Codebase) -> list[tuple[str, int, str]]:
    """(path, line, what) of the file that is the app's only database: no variable can put another in its place."""
    if code.extracted(other_stores) or any(_is_a_database(read) for read in code.fact(environment.reads)):
        return []
    of_frameworks = [
        (file.path, line, told)
        for file, rows in code.extracted(framework_files.attached)
        for line, told, is_file in rows
        if is_file
    ]
    return of_frameworks + [
        (file.path, line, what) for file, found in code.extracted(local_files) for line, what in found[:1]
    ]


def _is_a_database(read: Read) -> bool:
    return bool(
        re.search(
            r"DATABASE|SQLALCHEMY|POSTGRES|MYSQL|MARIADB|MONGO|JDBC|DATASOURCE|^DB_|_DB_URL|_DSN$|^DSN$|^PGHOST$",
            read.name,
        )
    )
