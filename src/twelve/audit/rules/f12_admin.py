"""Factor XII: admin tasks are one-off processes of the same release."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import declared, package_json, parsed_json
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.audit.rules import f12_schema, f12_training

RULES = Rulebook()
RULES.rules += [*f12_schema.RULES.rules, *f12_training.RULES.rules]
MIGRATE = re.compile(
    r"\bflask\s+db\s+upgrade|\bmanage(?:\.py)?\s+migrate\b|\balembic\b.{0,200}?\bupgrade\b|\bdjango-admin\s+migrate\b"
    r"|\bdb:(?:migrate|prepare|setup|schema:load|push)\b|\bprisma\s+(?:migrate\s+deploy|migrate\s+dev|db\s+push)\b|\bknex\b.{0,200}?\bmigrate:"
    r"|\bmigration:run\b|\bmigrations:migrate\b|\b(?:flyway|liquibase)\b.{0,200}?\b(?:migrate|update)\b|\b(?:goose|dbmate|tern|soda)\b.{0,200}?\b(?:up|migrate)\b"
    r"|\bmigrate\s+-(?:path|source|database)\b|\becto\.migrate\b|\bartisan\s+migrate\b|\bnode-pg-migrate\s+up\b|\bdb-migrate\s+up\b"
    r"|\bdrizzle-kit\s+(?:migrate|push)\b|\baerich\s+upgrade\b|\bsequelize(?:-cli)?\s+db:|\bmigrate(?:-mongo)?\s+up\b|\bmigrate\.(?:py|js|ts|sh)\b"
)
SEED = re.compile(
    r"\bloaddata\b|\bdb:seed\b|\bseed:run\b|(?<!--)(?<!random-)\bseed(?:s|er|_\w+|-\w+)?(?:\.\w+)?(?=\s|$|['\"])|\bdb[-_:]?reset\b|\breset[-_]?db\b|\bpopulate\w*"
    r"|\bcreatesuperuser\b|\bcreate[-_]?admin\b|\binit[-_]?db\b|\bload_?fixtures?\b|\bfixtures:load\b|\bensure_?superuser\b"
)
ABOUT_FILES = re.compile(
    r"(?:chmod|chown|mkdir|cp|mv|rm|ls|ln|touch|cat|echo|printf|test|\[\[?|sed|grep|cd|git|apt(?:-get)?|apk|go)\s"
)
STORES = re.compile(
    r"sqlalchemy|^django$|psycopg|pymysql|mysql|pymongo|mongo|motor|peewee|tortoise|sqlmodel|asyncpg|alembic|^pg$|sequelize|knex"
    r"|typeorm|prisma|sqlite|drizzle|mikro-orm|sequel|rails|activerecord|cassandra|neo4j|couchdb|dynamo|pony|edgedb"
)
STORES_IN_FILES = re.compile(
    r"jdbc|jpa|hibernate|postgres|mysql|mongo|lib/pq|pgx|gorm|sqlx|sqlite|gem ['\"](?:rails|pg|sequel)['\"]|ent\.io"
)
TASKS = ("manage.py", "bin/rails", "Rakefile", "artisan", "bin/console", "alembic.ini", "migrations/env.py")
WRAPPED = re.compile(r"\b(bundle\s+exec|poetry\s+run|pipenv\s+run|uv\s+run)\b")
OF_BUNDLER = re.compile(r"^(?:rake|rails|sidekiq|resque|puma|unicorn|rackup|ruby)\b")
OF_PYTHON = re.compile(r"^(?:python[\d.]*|alembic|flask|celery|django-admin|\./manage\.py)\s")
OWN_DSN = re.compile(
    r"['\"=](?:postgres(?:ql)?|mysql|mongodb|redis|amqp)(?:\+\w+)?://[^'\"\s${}<>:@]+:[^'\"\s${}<>@]+@(?!localhost|127\.)[^'\"\s]+"
)
LONGEST = 200  # characters of a pattern that could name admin code
OWN = (Kind.PRODUCTION, Kind.BUILD, Kind.DEVELOPMENT)  # an example shows what somebody else may do
SHIPPED = (
    "manage.py",
    "migrations/",
    "db/migrate/",
    "scripts/",
    "Rakefile",
    "alembic/",
    "alembic.ini",
    "bin/",
    "prisma/",
)


def does_so(pattern: re.Pattern[str], command: str) -> bool:
    """MIGRATE or SEED: a file whose name says so is not run by what only moves it."""
    return bool(pattern.search(command)) and not ABOUT_FILES.match(command)


def irrelevant(code: Codebase) -> str:
    names = {name.lower() for name in code.fact(declared)}
    texts = [file.text for name in ("pom.xml", "build.gradle", "go.mod", "Gemfile") if (file := code.get(name))]
    stores = any(STORES.search(name) for name in names) or any(STORES_IN_FILES.search(text) for text in texts)
    if stores or any(witness(code)):
        return ""
    return "There is nothing to administer: no database is declared, and no migration, script or task exists."


def witness(code: Codebase) -> Iterator[Evidence]:
    """Ways to run a task with the release's code and config."""
    for one in code.fact(start.starts):
        if one.type == "release":
            yield Evidence(f"The release phase runs `{one.command}`", one.path, one.line)
    for name in TASKS:
        if file := code.get(name):
            yield Evidence(f"{name} runs one-off tasks with the app's own code and config", file.path)
    yield from _scripts(code)
    yield from _scheduled(code)
    for file, lines in code.extracted(commands):
        yield Evidence("A command of the app itself, run as a one-off process", file.path, lines[0])


def _scripts(code: Codebase) -> Iterator[Evidence]:
    package = code.fact(package_json)
    for name, command in package.scripts.items() if package else ():
        if re.search(r"migrat|(?:^|:)db(?:$|:)|seed|console|task", name) and "NODE_ENV=test" not in command:
            yield Evidence(f"`npm run {name}` runs a task of the app", package.path, package.line_of(name))  # type: ignore[union-attr]
    file = code.get("app.json")
    told = parsed_json(file) if file else None
    scripts = told.get("scripts") if isinstance(told, dict) else None
    after = scripts.get("postdeploy") if isinstance(scripts, dict) else None
    if file and isinstance(after, str):
        yield Evidence(f"`{after}` runs once, as a process of its own", file.path)


def _scheduled(code: Codebase) -> Iterator[Evidence]:
    file = code.get("app.json")
    told = parsed_json(file) if file else None
    cron = told.get("cron") if isinstance(told, dict) else None
    for entry in cron if isinstance(cron, list) else ():
        if file and isinstance(entry, dict) and (entry.get("command") or entry.get("retrain")):
            what = f"`{entry['command']}`" if entry.get("command") else "The process type train"
            yield Evidence(f"{what} runs by the clock, as a process of the release", file.path)


@extraction(
    language=("python", "ruby"), needles=("cli.command", "cli.group", "BaseCommand", "@click.", "typer.", "task ")
)
def commands(file: SourceFile) -> list[int]:
    found = re.compile(
        r"^[ \t]*@\w+\.cli\.(?:command|group)|\(BaseCommand\)|^[ \t]*@(?:cli|manager)\.command|^[ \t]*task\s+:?\w+",
        re.MULTILINE,
    )
    return [line for line, _ in file.search(found)][:1]


@RULES.of_code(
    "TF12-migrate-on-boot",
    WARNING,
    "The web process migrates the database when it starts.",
    fix="Put it into the release phase: `release: ...` in the Procfile.",
    why="Factor XII: migrations are one-off admin processes, run against a release, not part of every start.",
    bad={"Procfile": "web: flask db upgrade && gunicorn app:app\n"},
    good={"Procfile": "release: flask db upgrade\nweb: gunicorn app:app\n"},
)
def migrates_on_boot(code: Codebase) -> Iterator[Hit]:
    yield from _on_boot(code, MIGRATE, "migrates")
    for file, lines in code.extracted(f12_schema.migrating):
        yield from (Hit(file.path, line, "The app migrates the database when it starts.") for line in lines)
    yield from f12_schema.spring_migrations(code)


@RULES.of_code(
    "TF12-seed-on-boot",
    WARNING,
    "The web process fills the database when it starts.",
    fix="Make it a one-off process: `twelve run ...`, or `scripts.postdeploy` in app.json.",
    why="Factor XII: one-time scripts are run as one-off processes.",
    bad={"Procfile": "web: ./manage.py loaddata initial && gunicorn app.wsgi\n"},
    good={
        "Procfile": "web: gunicorn app.wsgi\n",
        "app.json": '{"scripts": {"postdeploy": "./manage.py loaddata initial"}}',
    },
)
def seeds_on_boot(code: Codebase) -> Iterator[Hit]:
    yield from _on_boot(code, SEED, "seeds")


def _on_boot(code: Codebase, pattern: re.Pattern[str], does: str) -> Iterator[Hit]:
    for one in (*code.fact(start.starts), *code.fact(start.in_container)):
        if start.is_one_off(one):
            continue
        for command in one.chain:
            if not command.on_demand and does_so(pattern, command.text):
                yield Hit(command.path, command.line, f"`{command.text}` {does} the database at every start.")
    known = {one.path for one in code.fact(start.starts)}
    for service in code.fact(start.composed):
        match = pattern.search(service.command)
        if match and service.path not in known:
            message = f"In development `{match[0]}` {does} the database at every start."
            yield Hit(service.path, service.line, message, INFO, Verdict.PASS)


@RULES.of_code(
    "TF12-cron-outside",
    WARNING,
    "A crontab of the machine runs code of the app.",
    fix="Schedule a one-off process of the release: `cron` in app.json.",
    why="Factor XII: admin processes run in an identical environment, against a release with its code and config.",
    bad={"crontab": "0 3 * * * cd /srv/app && python manage.py clearsessions\n"},
    good={"app.json": '{"cron": [{"command": "python manage.py clearsessions", "schedule": "0 3 * * *"}]}'},
)
def cron_of_the_machine(code: Codebase) -> Iterator[Hit]:
    for file in code.find("crontab*", "*.cron", "*.crontab", "cron.d/*", "*/cron.d/*", "config/schedule.rb", kinds=OWN):
        schedule = re.compile(
            r"^[ \t]*(?:@(?:daily|hourly|weekly|monthly|reboot)|(?:[\d*/,-]+\s+){4}[\d*/,-]+)\s+\S|^[ \t]*every\s",
            re.MULTILINE,
        )
        for line, match in file.search(schedule):
            if not file.lines[line - 1].lstrip().startswith("#") and file.language not in {"python", "javascript"}:
                yield Hit(file.path, line + match[0].count("\n", 0, len(match[0]) - len(match[0].lstrip())))
                break
    for file in code.written_in("yaml"):
        if (
            re.search(r"^[ \t]*(?:-\s+)?(?:ansible\.builtin\.)?cron\s*:\s*$", file.text, re.MULTILINE)
            and "job:" in file.text
        ):
            at = file.text.index("cron")
            yield Hit(file.path, file.line_at(at), "Ansible writes a crontab that runs code of the app.")


@RULES.of_code(
    "TF12-admin-different-env",
    WARNING,
    "A task runs with other dependencies or another config than the app.",
    fix="Run it like the app: the same prefix (`bundle exec`), the same variables from the environment.",
    why="Factor XII: the same dependency isolation and the same config are used on all process types.",
    bad={"Procfile": "web: bundle exec puma\nrelease: rake db:migrate\n"},
    good={"Procfile": "web: bundle exec puma\nrelease: bundle exec rake db:migrate\n"},
)
def another_environment(code: Codebase) -> Iterator[Hit]:
    every = code.fact(start.starts)
    prefix = next((match[1] for one in every if one.type == start.WEB and (match := WRAPPED.search(one.command))), "")
    for one in every:
        bare = one.type != start.WEB and not WRAPPED.search(one.command)
        isolated = OF_BUNDLER if prefix.startswith("bundle") else OF_PYTHON
        if prefix and bare and isolated.match(one.command):
            yield Hit(one.path, one.line, f"web runs with `{prefix}`, {one.type} without.")
    for file, lines in code.extracted(own_services):
        yield from (Hit(file.path, line, "The script has a database address of its own.") for line in lines)


@extraction(language=("python", "javascript", "typescript", "ruby", "shell"), needles=("://",))
def own_services(file: SourceFile) -> list[int]:
    if not re.search(r"(^|/)(scripts?|bin|tools?|tasks|jobs|maintenance)/", file.path):
        return []
    return [file.line_at(match.start()) for match in OWN_DSN.finditer(uncommented(file))]


@RULES.of_code(
    "TF12-not-shipped",
    WARNING,
    "Admin code is left out of what is shipped.",
    fix="Ship it with the app: take it off the ignore list.",
    why="Factor XII: admin code must ship with application code to avoid synchronization issues.",
    bad={".dockerignore": "migrations/\n", "migrations/env.py": "", "Dockerfile": "FROM python\nCOPY . .\n"},
    good={".dockerignore": "*.md\n", "migrations/env.py": "", "Dockerfile": "FROM python\nCOPY . .\n"},
)
def left_out(code: Codebase) -> Iterator[Hit]:
    for name in (".dockerignore", ".slugignore"):
        file = code.get(name)
        for number, line in enumerate(file.lines if file else [], start=1):
            pattern = line.strip().removeprefix("/").removeprefix("./").rstrip("/*")
            dropped = next(
                (one for one in SHIPPED if 0 < len(pattern) < LONGEST and fnmatch(one.rstrip("/"), pattern)), ""
            )
            if dropped and "*" not in pattern[:1] and _has(code, dropped):
                yield Hit(name, number, f"{dropped} is not shipped.")


def _has(code: Codebase, name: str) -> bool:
    admin = (Kind.PRODUCTION, Kind.BUILD)
    return any(
        (path == name or path.startswith(name))
        and file.kind in admin
        and (file.language or file.data.startswith(b"#!"))
        for path, file in code.files.items()
    )
