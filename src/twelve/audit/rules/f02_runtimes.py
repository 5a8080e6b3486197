"""Factor II, what the code stands on: the version of its language, and the image it is put into."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

from twelve.audit.codebase import Codebase
from twelve.audit.facts import eol, libraries, locks, runtimes
from twelve.audit.facts.dockerfile import (
    Instruction,
    Stage,
    contributing,
    line_of,
    parse,
    production_files,
    production_stages,
    run_commands,
)
from twelve.audit.facts.runtimes import PRODUCTION, SYSTEMS, Runtime, image_version, split_image
from twelve.audit.model import Hit
from twelve.audit.rule import INFO, WARNING, Rulebook

RULES = Rulebook()
DETERMINISTIC = "Dependencies are declared completely and exactly; the runtime is the first of them."
PINS = {
    "python": ".python-version",
    "node": '"engines" in package.json',
    "ruby": "`ruby` in the Gemfile",
    "java": "system.properties, or java.version in pom.xml",
}
_VERSION_TAG = re.compile(r"\d")
_VERSION_NAME = re.compile(r"-[a-z]{1,20}\d+(?:-|$)")  # gcr.io/distroless/static-debian12
_INSTALLER = re.compile(
    r"(?:^|\s)(?:(?:uv\s+)?pip3?(?:\.\d+)?\s+install|(?:npm|pnpm|bun)\s+(?:install|i|add)|yarn\s+(?:global\s+)?add|"
    r"poetry\s+add|(?:conda|mamba|micromamba)\s+install|gem\s+install|go\s+install|cargo\s+install|pipx\s+install|easy_install)\s+(.*)"
)  # fmt: skip
_WITH_VALUE = {"-r", "--requirement", "-c", "--constraint", "-i", "--index-url", "--extra-index-url", "-f",
               "--find-links", "-t", "--target", "--prefix", "--root", "--python", "--cache-dir", "--no-binary",
               "--only-binary", "--platform", "--python-version", "--trusted-host", "--timeout",
               "--retries", "--only", "--omit", "--include", "--registry", "--loglevel", "-w", "--workspace",
               "--filter", "-n", "--name", "--file", "--channel", "-v", "--version"}  # fmt: skip
# Tools that install, build or lock are part of the build, not of the app.
_PACKAGERS = {
    "pip", "setuptools", "wheel", "uv", "poetry", "pipenv", "pdm", "hatch", "pip-tools", "npm", "pnpm", "yarn",
    "corepack", "bundler", "bun", "rye", "virtualenv", "poetry-plugin-export", "node-gyp", "tini", "lerna", "turbo",
}  # fmt: skip
_DOWNLOADS = re.compile(
    r"\b(?:curl|wget)\b[^\n|]{0,200}?(https?://[^\s\"'|)]{1,300}+)[^\n|]{0,200}+\|\s*+(?:sudo\s++)?(?:-E\s++)?(?:ba|z|a|da)?sh\b"
)
_FETCHED = re.compile(r"^(?:curl|wget)\b.*?(https?://[^\s\"'|)]+)")
_CHECKED = re.compile(r"sha\d*sum|shasum|gpg\s|--checksum|cosign|minisign")


def today() -> date:
    return datetime.now(tz=UTC).date()


@RULES.of_code(
    "TF02-runtime-unpinned",
    WARNING,
    "Nothing says which version of its language the app needs.",
    fix="Pin it: .python-version, engines in package.json, ruby in the Gemfile, or the tag of the base image.",
    why=DETERMINISTIC,
    bad={"requirements.txt": "flask==3.1.0\n", "Procfile": "web: gunicorn app:app\n"},
    good={"requirements.txt": "flask==3.1.0\n", "Procfile": "web: gunicorn app:app\n", ".python-version": "3.13\n"},
)
def runtime_is_unpinned(code: Codebase) -> Iterator[Hit]:
    known = code.fact(runtimes.runtimes)
    for language, path in sorted(_languages(code).items()):
        told = [one for one in known if one.language == language and one.where == PRODUCTION]
        if language in PINS and not any(one.version for one in told):
            line = told[0].line if told else None
            wide = f"{told[0].told} lets in more than one release" if told else "nothing says which version it runs on"
            yield Hit(told[0].path if told else path, line, f"{language}: {wide}; pin it in {PINS[language]}.")


def _languages(code: Codebase) -> dict[str, str]:
    """The languages that run in production, with the first manifest of each."""
    found: dict[str, str] = {}
    for one in code.fact(locks.manifests_of):
        if not libraries.is_library(code, one):
            found.setdefault(one.language, one.path)
    return found


@RULES.of_code(
    "TF02-runtime-eol",
    WARNING,
    "The app asks for a version of its language that gets no security fixes any more.",
    fix="Move to a release that is supported.",
    why="What is declared must still be there to install, and be mended when it breaks.",
    bad={"package.json": '{"dependencies": {"express": "4.18.2"}, "engines": {"node": "12.x"}}\n'},
    good={"package.json": '{"dependencies": {"express": "4.18.2"}, "engines": {"node": "24.x"}}\n'},
)
def runtime_has_ended(code: Codebase) -> Iterator[Hit]:
    images = {stage.path for stage in code.fact(production_stages)}
    used = _languages(code)
    for one in code.fact(runtimes.runtimes):
        if one.where == PRODUCTION and one.path not in images and one.language in used and (said := _ended(one)):
            yield Hit(one.path, one.line, said)


def _ended(one: Runtime) -> str:
    name = runtimes.release(one.language, one.version)
    return _said_of(one.language, name) if one.version else ""


def _said_of(product: str, version: str) -> str:
    end = eol.ended(product, version, today())
    when = "long ago" if end == date.min else f"on {end}"
    return f"Support of {product} {version} ended {when} ({eol.SOURCES[product].split()[0]})." if end else ""


@RULES.of_code(
    "TF02-base-image-unpinned",
    WARNING,
    "The image is built on whatever the registry has under a moving name.",
    fix="Name a version, and better its digest: FROM python:3.13-slim@sha256:...",
    why=DETERMINISTIC,
    bad={"Dockerfile": 'FROM python:slim\nCOPY . /app\nCMD ["gunicorn", "app:app"]\n'},
    good={"Dockerfile": 'FROM python:3.13-slim\nCOPY . /app\nCMD ["gunicorn", "app:app"]\n'},
)
def base_is_unpinned(code: Codebase) -> Iterator[Hit]:
    for stage, base in _bases(code):
        name, tag = split_image(base)
        is_told = _VERSION_TAG.search(tag) or _VERSION_NAME.search(name) or eol.CODENAMES.keys() & set(tag.split("-"))
        if "$" not in base and "@" not in base and not is_told:
            yield Hit(stage.path, stage.line, f"{base} is another image whenever its publisher says so.")


@RULES.of_code(
    "TF02-base-image-eol",
    WARNING,
    "The image is built on a system or a runtime that gets no security fixes any more.",
    fix="Move to a base image of a release that is supported.",
    why="What is declared must still be there to install, and be mended when it breaks.",
    bad={"Dockerfile": 'FROM node:12-alpine\nCOPY . /app\nCMD ["node", "server.js"]\n'},
    good={"Dockerfile": 'FROM node:24-alpine\nCOPY . /app\nCMD ["node", "server.js"]\n'},
)
def base_has_ended(code: Codebase) -> Iterator[Hit]:
    for stage, base in _bases(code):
        said = [text for product, version in _products(base) if (text := _said_of(product, version))]
        if said:
            yield Hit(stage.path, stage.line, f"{base}: {said[0]}")


def _products(base: str) -> Iterator[tuple[str, str]]:
    """What an image's tag tells is in it: "python:3.8-slim-buster" has Python 3.8 and Debian 10."""
    if known := image_version(base):
        product, version = known
        yield product, version if product in SYSTEMS else runtimes.release(product, version)
    tag = split_image(base)[1]
    yield from (eol.CODENAMES[word] for word in tag.split("-") if word in eol.CODENAMES)
    if alpine := re.search(r"-alpine(\d+\.\d+)", tag):
        yield "alpine", alpine[1]


def _bases(code: Codebase) -> Iterator[tuple[Stage, str]]:
    """Every image that ends up in a production image, where it is named."""
    for file in production_files(code):
        stages = parse(file)
        names = {stage.name.lower() for stage in stages if stage.name}
        for stage in contributing(stages):
            if stage.base and stage.base.lower() not in names and stage.base != "scratch":
                yield stage, stage.base


@RULES.of_code(
    "TF02-global-install",
    WARNING,
    "The image installs libraries that no manifest declares.",
    fix="Declare them in the manifest, and let the image install the manifest only.",
    why="A dependency declaration manifest declares all dependencies, completely and exactly.",
    bad={
        "Dockerfile": "FROM python:3.13\nRUN pip install -r requirements.txt && pip install gunicorn\nCMD gunicorn a\n"
    },
    good={"Dockerfile": "FROM python:3.13\nRUN pip install -r requirements.txt\nCMD gunicorn a:b\n"},
)
def installed_by_name(code: Codebase) -> Iterator[Hit]:
    for file in production_files(code):
        for stage in contributing(parse(file)):
            for run in stage.of("RUN"):
                yield from _installed(code, run)


def _installed(code: Codebase, run: Instruction) -> Iterator[Hit]:
    for command in run_commands(run):
        names = list(_names(command))
        if names:
            line = line_of(code, run, names[0])
            yield Hit(run.path, line, f"`{command[:100]}` installs what no manifest declares: {', '.join(names)}.")


def _names(command: str) -> Iterator[str]:
    """What is installed by its name, not by a manifest, a path or a wheel."""
    match = _INSTALLER.search(command)
    words = iter(re.sub(r"['\"]", "", match[1]).split() if match else [])
    for word in words:
        if word in _WITH_VALUE:
            next(words, None)
        elif _is_name(word):
            yield word


def _is_name(word: str) -> bool:
    name = re.split(r"[=<>~!\[;]|(?<=.)@", word, maxsplit=1)[0]
    is_place = (
        word.startswith(("-", ".", "/", "$", "*")) or "/" in name.removeprefix("@").partition("/")[2] or ".whl" in word
    )
    return (
        bool(re.match(r"^@?[A-Za-z]", word)) and not is_place and name.lower() not in _PACKAGERS and "://" not in word
    )


@RULES.of_code(
    "TF02-curl-pipe-sh",
    INFO,
    "The build runs or keeps what it downloads without a look at it.",
    fix='Check a digest: `echo "<sha256>  file" | sha256sum -c`, or ADD --checksum=sha256:...',
    why=DETERMINISTIC,
    bad={"Dockerfile": "FROM debian:13\nRUN curl -fsSL https://example.com/install.sh | sh\nCMD serve\n"},
    good={"Dockerfile": "FROM debian:13\nADD --checksum=sha256:1f3a https://example.com/tool /bin/tool\nCMD serve\n"},
)
def downloaded_and_run(code: Codebase) -> Iterator[Hit]:
    for file in production_files(code):
        for stage in contributing(parse(file)):
            for one in stage.instructions:
                if one.keyword in {"RUN", "ADD"} and (url := _unchecked(one)):
                    yield Hit(one.path, line_of(code, one, url), f"{url} is taken as it comes.")


def _unchecked(one: Instruction) -> str:
    if _CHECKED.search(one.value):
        return ""
    if one.keyword == "ADD":
        match = re.match(r"(?:--\w+(?:=\S+)?\s+)*(https?://\S+)", one.value)
        return match[1] if match else ""
    if piped := _DOWNLOADS.search(one.value):
        return piped[1]
    fetched = (_FETCHED.search(command) for command in run_commands(one))
    return next((match[1] for match in fetched if match), "")
