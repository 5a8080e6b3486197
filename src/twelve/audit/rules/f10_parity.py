"""Factor X: development and production use the same services and versions."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind
from twelve.audit.facts import engines, locks, runtimes
from twelve.audit.facts.dockerfile import Instruction, contributing, line_of, parse, production_files, run_commands
from twelve.audit.facts.engines import PRODUCTION, Service
from twelve.audit.facts.manifests import declared, packages_json
from twelve.audit.facts.runtimes import Runtime
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.audit.rules import f10_adapters

RULES = Rulebook()
SAME = "All deploys of the app should be using the same type and version of each of the backing services."
_DEV_FILE = re.compile(r"(?:^|\s)(?:-r\s*|--requirement[ =])(\S*(?:dev|test|local)\S*\.(?:txt|in))\b")
_EVERYTHING = re.compile(
    r"^(?:uv\s+sync|poetry\s+install|pipenv\s+install|pdm\s+(?:install|sync)|npm\s+(?:ci|install|i)$)"
)
_WITHOUT = re.compile(
    r"--(?:no-dev|only[= ]main|without[= ]\S{0,100}?dev|no-default-groups|omit[= ]dev|production|prod\b"
    r"|only-group|no-group)"
)
_WITH_DEV = re.compile(
    r"--(?:dev\b|with[= ]\S{0,100}?(?:dev|test)|all-groups|(?:group|extra)[= ](?:dev|test)|include=dev)"
    r"|\[(?:dev|test)\]"
)
_TIDIED = re.compile(r"npm\s+prune|NODE_ENV=production|UV_NO_DEV")
_LEVELS = {"pom.xml", "build.gradle", "build.gradle.kts", "go.mod"}  # the least they need, not what they run on
_LOCAL = (
    "compose*.y*ml", "docker-compose*.y*ml", "twelve.toml", "app.json", ".devcontainer/*", "Tiltfile", "skaffold.yaml",
    "Vagrantfile", "devenv.nix", "flake.nix", "process-compose*.y*ml",
)  # fmt: skip


def witness(code: Codebase) -> Iterator[Evidence]:
    """The one engine, and the one version of it and of the runtime, that every deploy has."""
    found = code.fact(engines.drivers)
    for engine in sorted({engine for engine, _ in found} - engines.EMBEDDED):
        client = next(client for one, client in found if one == engine)
        yield Evidence(f"{client.name} is declared: {engine} in every deploy", client.path, client.line)
    every = code.fact(declared)
    if not found and every and not engines.MAPPERS & every.keys() and not code.fact(engines.services):
        first = next(iter(every.values()))
        count = f"{len(every)} dependencies are" if len(every) > 1 else f"{first.name} is"
        yield Evidence(f"{count} declared, none a client of a database: no service can differ", first.path, 1)
    yield from _same_versions(code)


def _same_versions(code: Codebase) -> Iterator[Evidence]:
    for name, told in _by_name(code.fact(engines.services)).items():
        versions = {one.version for one in told if one.version}
        if len(versions) == 1 and len({one.path for one in told}) > 1:
            places = " and ".join(sorted({one.path for one in told})[:3])
            yield Evidence(f"{name} {min(versions)} in {places}", told[0].path, told[0].line)


def _by_name(every: list[Service]) -> dict[str, list[Service]]:
    found: dict[str, list[Service]] = {}
    for one in every:
        found.setdefault(one.name, []).append(one)
    return found


@RULES.of_code(
    "TF10-service-version-drift",
    WARNING,
    "Deploys use different versions of a backing service.",
    fix="Use one version everywhere; upgrade development first, production right after.",
    why=SAME,
    bad={
        "docker-compose.yml": "services:\n  db:\n    image: postgres:11\n",
        "app.json": '{"addons": [{"plan": "heroku-postgresql", "options": {"version": "15"}}]}\n',
    },
    good={
        "docker-compose.yml": "services:\n  db:\n    image: postgres:15\n",
        "app.json": '{"addons": [{"plan": "heroku-postgresql", "options": {"version": "15"}}]}\n',
    },
)
def services_drift(code: Codebase) -> Iterator[Hit]:
    for name, told in _by_name(code.fact(engines.services)).items():
        known = [one for one in told if one.version]
        right = next((one for one in known if one.where == PRODUCTION), known[0] if known else None)
        places = {one.path: {other.version for other in known if other.path == one.path} for one in known}
        for one in known if right else []:
            if right and right.version not in places[one.path]:
                yield Hit(
                    one.path, one.line, f"{name} {one.version} here, {right.version} in {right.path}:{right.line}."
                )


@RULES.of_code(
    "TF10-runtime-drift",
    WARNING,
    "Development, CI and production run different versions of the language.",
    fix="Say the version once, and let image, CI and development take it from there.",
    why="Keep the gap between development and production small.",
    bad={".python-version": "3.12\n", "Dockerfile": "FROM python:3.13\nCMD gunicorn a:b\n"},
    good={".python-version": "3.13\n", "Dockerfile": "FROM python:3.13\nCMD gunicorn a:b\n"},
)
def runtimes_drift(code: Codebase) -> Iterator[Hit]:
    used = {one.language for one in code.fact(locks.manifests_of)} | {"python"}
    told = [one for one in code.fact(runtimes.runtimes) if one.version and one.language in used]
    for language in sorted({one.language for one in told}):
        yield from _drift(language, [one for one in told if one.language == language])


def _drift(language: str, told: list[Runtime]) -> Iterator[Hit]:
    stated = [one for one in told if one.where == runtimes.PRODUCTION and one.path.rpartition("/")[2] not in _LEVELS]
    if not stated:
        return
    right = stated[0]
    wanted = _release(right)
    for one in (*stated[1:], *(one for one in told if one.where == runtimes.DEVELOPMENT)):
        if _differs(language, _release(one), wanted) and one.path != right.path:
            yield Hit(one.path, one.line, f"{language} {_release(one)} here, {wanted} in {right.path}:{right.line}.")
    tested = [one for one in told if one.where == runtimes.CI]
    if tested and all(_differs(language, _release(one), wanted) for one in tested):
        said = f"CI tests with {language} {_release(tested[0])}, production has {wanted} ({right.path}:{right.line})."
        yield Hit(tested[0].path, tested[0].line, said)


def _release(one: Runtime) -> str:
    return runtimes.release(one.language, one.version)


def _differs(_language: str, one: str, other: str) -> bool:
    """What says less than the other does not contradict it: "3" and "3.12"."""
    return not (one == other or one.startswith(f"{other}.") or other.startswith(f"{one}."))


@RULES.of_code(
    "TF10-dev-only-deps-in-prod",
    WARNING,
    "The image for production gets what only development needs.",
    fix="Install what production needs: --no-dev, --only main, --omit=dev, requirements/prod.txt.",
    why="Dependencies are the same in every deploy when the image has those of production and nothing else.",
    bad={
        "Dockerfile": "FROM python:3.13\nCOPY . .\nRUN pip install -r requirements-dev.txt\nCMD gunicorn a:b\n",
        "requirements-dev.txt": "pytest==9.0.1\n",
    },
    good={
        "Dockerfile": "FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\nCMD gunicorn a:b\n",
        "requirements-dev.txt": "pytest==9.0.1\n",
    },
)
def dev_dependencies_in_image(code: Codebase) -> Iterator[Hit]:
    for file in production_files(code):
        stages = contributing(parse(file))
        for stage in stages:
            noted = not any(_TIDIED.search(one.value) for one in stage.instructions)
            for run in stage.of("RUN"):
                yield from _dev_installed(code, run, noted=noted, last=stage is stages[-1])


def _dev_installed(code: Codebase, run: Instruction, *, noted: bool, last: bool) -> Iterator[Hit]:
    """Asked for by name: a warning. Because the tool does so unless told not to: worth a note."""
    for command in run_commands(run):
        plain = command.strip()
        if named := _DEV_FILE.search(plain) or (
            _WITH_DEV.search(plain) if "install" in plain or "sync" in plain else None
        ):
            line = line_of(code, run, (named[1] if named.lastindex else named[0]).strip())
            yield Hit(run.path, line, f"`{plain[:100]}` puts development's dependencies into the image.")
        elif (
            noted and _installs_all(code, plain) and (last or not plain.startswith("npm"))
        ):  # npm's stay where they are
            told = f"`{plain[:100]}` installs development's dependencies too, as it does unless told not to."
            yield Hit(run.path, line_of(code, run, plain.split()[1]), told, severity=INFO)


def _installs_all(code: Codebase, command: str) -> bool:
    return bool(_EVERYTHING.match(command)) and not _WITHOUT.search(command) and _has_dev_group(code, command)


def _has_dev_group(code: Codebase, command: str) -> bool:
    if command.startswith("npm"):
        return any(package.data.get("devDependencies") for package in code.fact(packages_json))
    return any(one.dev for one in code.fact(declared).values() if one.path.endswith(("pyproject.toml", "Pipfile")))


@RULES.of_code(
    "TF10-no-local-services",
    INFO,
    "The app needs a database, and nothing in the codebase starts one for development.",
    fix="Declare it: add-ons in app.json for `twelve up`, or a Compose file.",
    why=SAME,
    bad={"requirements.txt": "psycopg2==2.9.11\n"},
    good={"requirements.txt": "psycopg2==2.9.11\n", "app.json": '{"addons": ["heroku-postgresql"]}\n'},
)
def nothing_local(code: Codebase) -> Iterator[Hit]:
    needed = [(engine, one) for engine, one in code.fact(engines.drivers) if engine not in engines.EMBEDDED]
    local = code.find(*_LOCAL, kinds=[kind for kind in Kind if kind is not Kind.VENDORED])
    if needed and not local:
        engine, client = needed[0]
        yield Hit(client.path, client.line, f"{client.name} needs {engine}, which each developer has to set up alone.")


RULES.rules += f10_adapters.RULES.rules
