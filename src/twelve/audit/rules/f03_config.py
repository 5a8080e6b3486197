"""Factor III: what differs between deploys is in the environment, and no secret is in the code.

Secrets that are only in the history of the codebase are looked for with --history: that takes longer.
"""

import re
from collections.abc import Iterator

from twelve.audit.classify import kind
from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import environment, manifests, secrets, sources, start
from twelve.audit.facts.environment import Read
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import INFO, Rulebook
from twelve.audit.rules import f03_defaults, f03_deploys, f03_files, f03_history, f03_secrets

RULES = Rulebook()
for part in (f03_secrets, f03_defaults, f03_files, f03_deploys, f03_history):
    RULES.rules.extend(part.RULES.rules)
SHOWN = 5
RUNNING = {Kind.PRODUCTION, Kind.DEVELOPMENT}
# What runtimes, frameworks and platforms read or set by themselves: no app has to name them.
_WELL_KNOWN = re.compile(
    r"(PORT|HOME|PATH|USER|LANG|TZ|HOSTNAME|CI|PWD|DEBUG|TERM|SHELL|TMPDIR|TMP|TEMP|EDITOR|NODE_ENV|DYNO|WEB_CONCURRENCY"
    r"|DJANGO_SETTINGS_MODULE|(LC|PYTHON|NODE|NPM|FLASK|RAILS|RACK|BUNDLE|JAVA|SPRING|GO|GIT|GITHUB|HEROKU|KUBERNETES"
    r"|XDG|UV|PIP|COMPOSE|DOCKER|CELERY|OTEL|NEW_RELIC|SENTRY|AWS|GOOGLE|AZURE|PG|POSTGRES|MYSQL|MALLOC|LD)_?\w*)"
)


def witness(code: Codebase) -> Iterator[Evidence]:
    """The variables the app reads, secrets first; or that it has nothing to configure."""
    reads = {read.name: read for read in reversed(code.fact(environment.reads)) if not _WELL_KNOWN.fullmatch(read.name)}
    told = sorted(reads.values(), key=lambda read: (not secrets.is_secret_name(read.name), not read.required))
    for read in told[:SHOWN]:
        how = "required from" if read.required else "read from"
        yield Evidence(f"{read.name} is {how} the environment", read.path, read.line)
    if not told and (said := sources.none_has(code, "holds", "credential or address of a deploy")):
        web = next(iter(code.fact(start.starts)), None)
        yield Evidence(said, web.path, web.line) if web else Evidence(said)


@RULES.of_code(
    "TF03-env-undocumented",
    INFO,
    "The app reads variables that nothing in the codebase names for whoever deploys it.",
    fix="Name them in .env.example or app.json, with a word on each.",
    why="The environment is the contract with the platform; a contract is written down.",
    bad={"app.py": "import os\n\nos.environ['MAIL_KEY']\n", ".env.example": "DATABASE_URL=\n"},
    good={"app.py": "import os\n\nos.environ['MAIL_KEY']\n", ".env.example": "MAIL_KEY=\n"},
)
def variables_nobody_names(code: Codebase) -> Iterator[Hit]:
    files = code.fact(documenting)
    known = {name for _, names in files for name in names}
    missing: dict[str, Read] = {}
    for read in code.fact(environment.reads):
        if read.name not in known and not _WELL_KNOWN.fullmatch(read.name) and read.name.isupper():
            missing.setdefault(read.name, read)
    prose = [file.data for file in code.find("README*", "*.md", "*.rst", "*.adoc", kinds=(Kind.DOCS, Kind.PRODUCTION))]
    unnamed = [read for name, read in missing.items() if not any(name.encode() in text for text in prose)]
    if unnamed:
        first, told = unnamed[0], f"{_listed([read.name for read in unnamed])}, which the code reads"
        if files:
            yield Hit(files[0][0].path, None, f"It does not name {told} ({first.path}:{first.line}).")
        else:
            yield Hit(first.path, first.line, f"No .env.example or app.json names {told}.")


@RULES.of_code(
    "TF03-env-unused",
    INFO,
    "A variable is documented, and nothing reads it.",
    fix="Take it out, or read it.",
    why="Who sets it believes that it does something.",
    bad={"app.py": "import os\n\nos.environ['MAIL_KEY']\n", ".env.example": "MAIL_KEY=\nOLD_KEY=\n"},
    good={"app.py": "import os\n\nos.environ['MAIL_KEY']\n", ".env.example": "MAIL_KEY=\n"},
)
def variables_nobody_reads(code: Codebase) -> Iterator[Hit]:
    read = {one.name for one in code.fact(environment.reads)}
    if not read:
        return
    for file, names in code.fact(documenting):
        if file.name == "app.json":  # buildpacks read its variables as well
            continue
        unread = [name for name in names if name not in read and not _WELL_KNOWN.fullmatch(name)]
        others = [one for one in code.files.values() if one.kind in RUNNING and one is not file]
        for name in unread:
            if not any(name.encode() in one.data for one in others if one.language):
                line = next((at for at, text in enumerate(file.lines, 1) if re.search(rf"\b{name}\b", text)), None)
                yield Hit(file.path, line, f"{name} is documented, and nothing reads it.")


def documenting(code: Codebase) -> list[tuple[SourceFile, list[str]]]:
    """The files that say which variables the app has."""
    found = [
        (
            file,
            re.findall(r"^[ \t]*+(?:#[ \t]*+)?(?:export[ \t]++)?([A-Z_][A-Z0-9_]++)[ \t]*+=", file.text, re.MULTILINE),
        )
        for file in code.find(".env.*", "*.env.*", "env.example")
        if kind(f"{file.path.rpartition('/')[0]}/x") is Kind.PRODUCTION
    ]
    if (file_ := code.get("app.json")) and isinstance(data := manifests.parsed_json(file_), dict):
        env = data.get("env")
        found += [(file_, list(env))] if isinstance(env, dict) else []
    return found


def _listed(names: list[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
