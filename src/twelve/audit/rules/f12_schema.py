"""Factor XII, the schema: it changes by migrations that somebody runs, not by a start or a request."""

import ast
import re
from collections.abc import Iterator
from itertools import zip_longest

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries
from twelve.audit.facts.comments import is_inside_string, uncommented
from twelve.audit.facts.handlers import Handler, handlers, inside, routed
from twelve.audit.facts.imports import is_served
from twelve.audit.facts.optional import opted_into, parents
from twelve.audit.facts.pythons import keyword, name_of, text_of
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, WARNING, Rulebook

RULES = Rulebook()
SCRIPTS = ("javascript", "typescript", "tsx")
ASIDE = re.compile(
    r"(^|/)(scripts?|tools?|bin|cmd/migrat\w*|management|migrations?|migrate|alembic|seeds?|seeders?|cli)(/|\.\w+$)|(^|/)(manage|cli|setup|init_db|create_db|seed)\.\w+$"
)
CREATE = re.compile(r"^\s*+(?:CREATE\s++(?:(?:UNLOGGED|VIRTUAL)\s++)?TABLE\b|ALTER\s++TABLE\b)", re.IGNORECASE)
CREATED = {
    "javascript": r"['\"`]\s*CREATE\s+TABLE\b|\bsequelize\.sync\s*\(|\bsynchronize\s*:\s*true\b"
                  r"|\bschema\.createTable\w*\s*\(|\b[A-Z]\w*\.sync\s*+\(\s*+\{\s*+(?:force|alter)\s*+:\s*+true",
    "go": r"[`\"]\s*CREATE\s+TABLE\b|\.AutoMigrate\s*\(|\.Schema\.Create\s*\(",
    "java": r"\"\s*CREATE\s+TABLE\b",
    "ruby": r"['\"]\s*CREATE\s+TABLE\b|DataMapper\.auto_(?:upgrade|migrate)!|\bauto_upgrade!"
            r"|\bDB\.create_table[?!]?[ (]",
    "properties": r"^[ \t]*spring\.jpa\.hibernate\.ddl-auto\s*=\s*(?:create|create-drop|update)\b"
                  r"|^[ \t]*spring\.jpa\.generate-ddl\s*=\s*true\b"
                  r"|^[ \t]*spring\.(?:sql\.init\.mode|datasource\.initialization-mode)\s*=\s*always",
    "yaml": r"^[ \t]*ddl-auto\s*:\s*(?:create|create-drop|update)\b|^[ \t]*initialization-mode\s*:\s*always"
            r"|^[ \t]*generate-ddl\s*:\s*true|^[ \t]*init\s*:[ \t]*\n[ \t]+mode\s*:\s*always",
}  # fmt: skip
MIGRATED = re.compile(
    r"\.migrate\.latest\s*\(|\bmigrationsRun\s*:\s*true|\bumzug\.up\s*\(|\.runMigrations\s*\(|\bgoose\.Up\s*\(|\bm(?:igrator)?\.Up\s*\(\s*\)"
    r"|\bmigrate\s*+\(\s*+\w++\s*+,\s*+\{\s*+migrationsFolder|\bexec(?:Sync)?\(\s*+['\"`][^'\"`\n]{0,60}?"
    r"(?:prisma\s+migrate\s+deploy|knex\s+migrate:latest|sequelize(?:-cli)?\s+db:migrate)"
)
MIGRATING = {"command.upgrade", "alembic.command.upgrade", "flask_migrate.upgrade"}
DESTRUCTIVE = {"drop_all", "create_all", "drop_database", "flush_db", "reset_db"}
DJANGOS = {"migrate", "flush", "loaddata", "reset_db"}
ROUTE = re.compile(
    r"\b(?:app|router|server|api|fastify)\.(?:get|post|put|delete|all)\s*+\(\s*+['\"`][^'\"`]{0,300}+['\"`]"
)
LONGEST = 1500  # characters of a route that are looked at
DROPPED = re.compile(
    r"\.dropDatabase\s*\(|\.sync\s*+\(\s*+\{\s*+force\s*+:\s*+true|\.migrate\.(?:latest|rollback)\s*\("
    r"|\bDROP\s++(?:TABLE|DATABASE)\b|\.runMigrations\s*\("
)
GUARDED = re.compile(r"\b\w{0,60}?(?:auth|admin|login|permission)\w{0,60}+\s*+[,(]", re.IGNORECASE)


@RULES.of_code(
    "TF12-http-admin-endpoint",
    ERROR,
    "Everybody who can send a request can change or drop the database's schema.",
    fix="Make it a one-off process: a command that `twelve run` starts.",
    why="Factor XII: admin tasks are one-off processes, run by the developer, not by a request.",
    bad={"app.py": "@app.route('/reset')\ndef reset():\n    db.drop_all()\n    db.create_all()\n    return 'ok'\n"},
    good={"app.py": "@app.cli.command()\ndef reset():\n    db.drop_all()\n    db.create_all()\n"},
)
def admin_by_http(code: Codebase) -> Iterator[Hit]:
    named = code.fact(routed)
    for file, lines in code.extracted(destructive):
        if file.language != "python":
            yield from (Hit(file.path, line) for line in lines)
            continue
        for one in handlers(file, named):
            for line in _changes(one):
                yield Hit(file.path, line, f"{one.name} answers requests and changes the schema.")
                break


def _changes(one: Handler) -> list[int]:
    return (
        []
        if one.guarded
        else sorted(node.lineno for node in inside(one.node) if isinstance(node, ast.Call) and _destroys(node))
    )


def _destroys(call: ast.Call) -> bool:
    name = name_of(call.func)
    last = name.rpartition(".")[2]
    first = text_of(call.args[0]) if call.args else None
    return (
        last in DESTRUCTIVE
        or name in MIGRATING
        or (last == "call_command" and first in DJANGOS)
        or bool(first and re.match(r"^\s*+DROP\s++(?:TABLE|DATABASE|SCHEMA)\b", first, re.IGNORECASE))
    )


@extraction(
    language=("python", *SCRIPTS),
    needles=("drop_all", "create_all", "drop_database", "call_command", "command.upgrade", "DROP ", "dropDatabase",
             "force:", "runMigrations", "migrate.latest", "migrate.rollback", "flask_migrate", "reset_db"),
)  # fmt: skip
def destructive(file: SourceFile) -> list[int]:
    """Of Python only that it may be; who calls it is told by other files."""
    if file.language == "python":
        return sorted(node.lineno for node in file.nodes if isinstance(node, ast.Call) and _destroys(node))
    return [file.line_at(end - 1) for end in _dropped_by_routes(file)]


def _dropped_by_routes(file: SourceFile) -> Iterator[int]:
    """Where a route that anybody may ask changes the schema: the offset behind it. SQL is quoted, calls are not."""
    text = uncommented(file)
    routes = [one for one in ROUTE.finditer(text) if not is_inside_string(file, one.start())]
    for route, following in zip_longest(routes, routes[1:]):
        end = min(route.end() + LONGEST, following.start() if following else len(text))
        found = DROPPED.finditer(text, route.end(), end)
        match = next((one for one in found if one[0][0] != "." or not is_inside_string(file, one.start())), None)
        if match and not GUARDED.search(text, route.end(), match.start()):
            yield match.end()


@RULES.of_code(
    "TF12-startup-ddl",
    WARNING,
    "Tables are made while the app starts or answers.",
    fix="Write a migration, and run it in the release phase.",
    why="Factor XII: changing the schema is an admin task, run as a one-off process against a release.",
    bad={"app.py": "db = SQLAlchemy(app)\nwith app.app_context():\n    db.create_all()\n"},
    good={"app.py": "db = SQLAlchemy(app)\n", "migrations/env.py": ""},
)
def tables_at_start(code: Codebase) -> Iterator[Hit]:
    found = code.extracted(creating)
    python = any(file.language == "python" for file, _ in found)
    dropping = {(hit.path, hit.line) for hit in admin_by_http(code)} if python else set()
    programs = {entry.file.path for entry in code.fact(entries.entries) if entry.runs}
    for file, made in found:
        if file.language == "python" and not is_served(code, file):
            continue
        lines = [line for line, is_guarded in made if not is_guarded or file.path in programs]
        near = {line for path, line in dropping if path == file.path and line}
        yield from (Hit(file.path, line) for line in lines if not any(abs(line - other) < 4 for other in near))


@extraction(
    language=("python", *SCRIPTS, "go", "java", "ruby", "properties", "yaml"),
    needles=("CREATE TABLE", "create table", "create_all", ".sync(", "synchronize", "createTable", "AutoMigrate",
             "create_tables", "generate_schemas", "generate-ddl", "create_table", "Schema.Create", "auto_upgrade",
             "auto_migrate", "ddl-auto", "sql.init.mode", "initialization-mode", "mode: always"),
)  # fmt: skip
def creating(file: SourceFile) -> list[tuple[int, bool]]:
    """(line, whether that is so only when the file is the program)"""
    if ASIDE.search(file.path):
        return []
    if file.language == "python":
        return sorted(set(_made_in_python(file)))
    pattern = CREATED["javascript" if file.language in SCRIPTS else file.language]
    found = re.finditer(pattern, uncommented(file), re.IGNORECASE | re.MULTILINE)
    return [(file.line_at(match.start() + len(match[0]) - len(match[0].lstrip())), False) for match in found]


def _made_in_python(file: SourceFile) -> Iterator[tuple[int, bool]]:
    """Not in commands, and not where a variable has to ask for it."""
    texts = _statements(file)
    for node in file.nodes:
        if not isinstance(node, ast.Call):
            continue
        if _makes_tables(node, texts) and not _is_in_a_command(file, node) and not opted_into(file, node):
            yield node.lineno, _is_guarded(file, node)


def _makes_tables(call: ast.Call, texts: set[str]) -> bool:
    """`texts`: names of statements that make tables."""
    called = {name_of(call.func).rpartition(".")[2], *(name_of(one).rpartition(".")[2] for one in call.args)}
    generated = keyword(call, "generate_schemas")
    return (
        bool({"create_all", "create_tables"} & called)
        or (isinstance(generated, ast.Constant) and generated.value is True)
        or any(CREATE.match(text_of(one) or "") or name_of(one) in texts for one in call.args)
    )


def _statements(file: SourceFile) -> set[str]:
    made = (node for node in file.nodes if isinstance(node, ast.Assign) and CREATE.match(text_of(node.value) or ""))
    return {name_of(target) for node in made for target in node.targets} - {""}


def _is_guarded(file: SourceFile, node: ast.AST) -> bool:
    """Below `if __name__ == "__main__"`: not when the file is imported."""
    above = parents(file)
    while node in above:
        node = above[node]
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            return True
    return False


def _is_in_a_command(file: SourceFile, node: ast.AST) -> bool:
    above = parents(file)
    while node in above:
        node = above[node]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = " ".join(ast.unparse(one) for one in node.decorator_list)
            if re.search(r"\bcommand\b|\bcli\b|\bfixture\b|\btask\b", decorators) or node.name in {
                "upgrade",
                "downgrade",
                "handle",
            }:
                return True
    return False


@extraction(
    language=("python", *SCRIPTS, "go"),
    needles=("command.upgrade", "flask_migrate", "call_command", "migrate.latest", "migrationsRun", "umzug",
             "runMigrations", "goose.Up", "golang-migrate", "migrationsFolder", "prisma migrate", "knex migrate",
             "db:migrate", "alembic"),
)  # fmt: skip
def migrating(file: SourceFile) -> list[int]:
    """Migrations that the app's own start runs."""
    if ASIDE.search(file.path):
        return []
    if file.language != "python":
        return [file.line_at(match.start()) for match in MIGRATED.finditer(uncommented(file))]
    made = [node for node in file.nodes if isinstance(node, ast.Call)]
    found = [node for node in made if _migrates(node) or _upgrades(file, node)]
    return [node.lineno for node in found if not _is_in_a_command(file, node) and not opted_into(file, node)]


def _migrates(call: ast.Call) -> bool:
    name = name_of(call.func)
    first = text_of(call.args[0]) if call.args else None
    if name.startswith("subprocess.") and call.args and isinstance(call.args[0], ast.List):
        words = [text_of(one) or "" for one in call.args[0].elts]
        return "alembic" in words and "upgrade" in words
    return name in MIGRATING or (name.rpartition(".")[2] == "call_command" and first == "migrate")


def _upgrades(file: SourceFile, call: ast.Call) -> bool:
    """`upgrade()` of Flask-Migrate by its bare name."""
    if name_of(call.func) != "upgrade":
        return False
    froms = (node for node in file.nodes if isinstance(node, ast.ImportFrom) and node.module == "flask_migrate")
    return any(alias.name == "upgrade" for node in froms for alias in node.names)


def spring_migrations(code: Codebase) -> Iterator[Hit]:
    """Flyway and Liquibase run inside Spring Boot's start unless they are switched off."""
    settings = code.find("application*.properties", "application*.yml", "application*.yaml")
    if any(re.search(r"(?:flyway|liquibase)[\s\S]{0,40}?enabled\s*[=:]\s*false", file.text) for file in settings):
        return
    for file in (code.get(name) for name in ("pom.xml", "build.gradle", "build.gradle.kts")):
        text = uncommented(file) if file and "spring-boot" in file.text else ""
        match = re.search(r"(?:flyway-core|liquibase-core)\b", text)
        if file and match:
            yield Hit(file.path, file.line_at(match.start()), f"{match[0]} migrates at every start of Spring Boot.")
