"""Which backing services development, CI and production use, and in which version, as far as files tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import manifests, start, yamls
from twelve.audit.facts.manifests import Dependency, parsed_json, table
from twelve.audit.facts.runtimes import split_image

# client library (the last part of its name) -> the engine it talks to
DRIVERS = {
    "psycopg": "postgres", "psycopg2": "postgres", "psycopg2-binary": "postgres", "psycopg-binary": "postgres",
    "asyncpg": "postgres", "pg8000": "postgres", "pg": "postgres", "pg-promise": "postgres", "postgres": "postgres",
    "pq": "postgres", "pgx": "postgres", "postgresql": "postgres", "aiopg": "postgres",
    "mysqlclient": "mysql", "pymysql": "mysql", "aiomysql": "mysql", "mysql": "mysql", "mysql2": "mysql",
    "mysql-connector-python": "mysql", "mysql-connector-j": "mysql", "mysql-connector-java": "mysql",
    "mariadb": "mysql", "mariadb-java-client": "mysql", "go-sql-driver/mysql": "mysql",
    "pymongo": "mongo", "motor": "mongo", "mongoengine": "mongo", "mongodb": "mongo", "mongoose": "mongo",
    "mongoid": "mongo", "mongo-driver": "mongo", "oracledb": "oracle", "mssql": "mssql", "tedious": "mssql",
    "pyodbc": "mssql", "sqlite3": "sqlite", "better-sqlite3": "sqlite", "aiosqlite": "sqlite",
    "sqlite-jdbc": "sqlite", "go-sqlite3": "sqlite", "h2": "h2", "hsqldb": "hsqldb", "derby": "derby",
}  # fmt: skip
EMBEDDED = {"sqlite", "h2", "hsqldb", "derby"}
# what talks to some database, without saying to which
MAPPERS = {
    "sqlalchemy", "flask-sqlalchemy", "sqlmodel", "django", "peewee", "tortoise-orm", "sequelize", "typeorm", "knex",
    "prisma", "@prisma/client", "drizzle-orm", "rails", "activerecord", "sequel", "gorm",
}  # fmt: skip
# image or add-on -> service
SERVICES = {
    "postgres": "postgres", "postgresql": "postgres", "postgis": "postgres", "pgvector": "postgres",
    "timescaledb": "postgres", "heroku-postgresql": "postgres", "mysql": "mysql", "mariadb": "mariadb",
    "mongo": "mongo", "redis": "redis", "valkey": "valkey", "heroku-redis": "redis", "rabbitmq": "rabbitmq",
    "elasticsearch": "elasticsearch", "opensearch": "opensearch", "memcached": "memcached", "kafka": "kafka",
    "nats": "nats", "minio": "minio",
}  # fmt: skip
_DEFAULT = re.compile(r"\$\{\w{1,60}+:?-([^}$]{0,99}+)\}")
_MAJOR_AND_MINOR = {"mysql", "mariadb", "mongo"}
DEVELOPMENT, CI, PRODUCTION = "development", "CI", "production"


@dataclass(frozen=True, slots=True)
class Service:
    """`version` as much of it as makes a release: "15", "8.0"; empty when nobody says."""

    name: str
    version: str
    told: str
    path: str
    line: int | None
    where: str


def drivers(code: Codebase) -> list[tuple[str, Dependency]]:
    """(engine, client) of all clients of databases that production has."""
    found = []
    for name, one in code.fact(manifests.declared).items():
        last = re.sub(r"/v\d+$", "", name).rsplit(":", maxsplit=1)[-1]
        engine = DRIVERS.get(last) or DRIVERS.get(last.rpartition("/")[2] if not name.startswith("@") else "")
        if engine and not one.dev:
            found.append((engine, one))
    return found


def services(code: Codebase) -> list[Service]:
    return [*_of_yaml(code), *_of_app_json(code), *_of_render(code)]


def _of_yaml(code: Codebase) -> Iterator[Service]:
    """Images of Compose files, of CI's services, of a cluster's workloads."""
    for file in code.written_in("yaml", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD)):
        if b"image:" in file.data or b"services:" in file.data:
            for line, image in _images(file):
                if known := _known(image):
                    yield Service(*known, image, file.path, line, _where(file))


def _where(file: SourceFile) -> str:
    if file.kind is Kind.BUILD:
        return CI
    is_production = re.search(r"prod|deploy|stack|swarm|k8s|kube|helm|manifests?/", file.path)
    return PRODUCTION if is_production or file.kind is Kind.PRODUCTION else DEVELOPMENT


def _images(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Of services and containers, wherever the format keeps them."""
    for document in yamls.documents(file):
        if isinstance(document, yamls.Map):
            jobs = document.get("jobs")
            holders = [document, *(jobs.values() if isinstance(jobs, yamls.Map) else [])]
            holders += document.values() if file.kind is Kind.BUILD else []
            maps = [one for one in holders if isinstance(one, yamls.Map)]
            groups = [group for one in maps for group in (one.get("services"), one.get("docker"))]
            every = [one for group in groups if isinstance(group, yamls.Map) for one in group.values()]
            yield from (told for group in groups if isinstance(group, yamls.Seq) for told in _listed(group))
            for one in [*every, *start.containers([document])]:
                if isinstance(one, yamls.Map) and isinstance(one.get("image"), str) and "image" in one.lines:
                    yield one.lines["image"], one["image"]


def _listed(group: yamls.Seq) -> Iterator[tuple[int, str]]:
    """As GitLab and CircleCI have them: texts, or tables with a name or an image."""
    for line, one in zip(group.lines, group, strict=True):
        told = (one.get("image") or one.get("name")) if isinstance(one, yamls.Map) else one
        if isinstance(told, str):
            yield line, told


def _known(image: str) -> tuple[str, str] | None:
    name, tag = split_image(_DEFAULT.sub(r"\1", image))
    service = SERVICES.get(name.rpartition("/")[2])
    return (service, release(service, tag)) if service else None


def release(service: str, tag: str) -> str:
    of_extension = re.search(r"(?:^|-)pg(\d+)", tag)  # timescaledb:2.14-pg16
    match = of_extension or re.match(r"v?(\d+)(\.\d+)?", tag)
    if match is None:
        return ""
    return match[1] + (match[2] or "") if service in _MAJOR_AND_MINOR else match[1]


def _of_app_json(code: Codebase) -> Iterator[Service]:
    file = code.get("app.json")
    addons = table(parsed_json(file)).get("addons") if file else None
    for addon in addons if file and isinstance(addons, list) else []:
        plan = addon if isinstance(addon, str) else table(addon).get("plan")
        version = table(table(addon).get("options")).get("version")
        if file and isinstance(plan, str) and (service := SERVICES.get(plan.partition(":")[0])):
            told = str(version or "")
            line = manifests.line_of(file, f'"{told}"' if told else plan)
            yield Service(service, release(service, told), f"{plan} {told}".strip(), "app.json", line, PRODUCTION)


def _of_render(code: Codebase) -> Iterator[Service]:
    file = code.get("render.yaml")
    for line, match in file.search(r"postgresMajorVersion:\s*[\"']?(\d+)") if file else []:
        yield Service("postgres", match[1], f"postgres {match[1]}", "render.yaml", line, PRODUCTION)
