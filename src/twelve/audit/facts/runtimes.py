"""Which versions of their languages an app asks for, and where it says so: for production, development and CI."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import yamls
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.dockerfile import contributing, parse, production_files
from twelve.audit.facts.manifests import OWN, line_of, packages_json, parsed_toml, table

# Official images whose tag is the version of the language inside of them.
IMAGES = {
    "python": "python", "node": "node", "ruby": "ruby", "golang": "go", "php": "php", "openjdk": "java",
    "eclipse-temurin": "java", "amazoncorretto": "java", "pypy": "python",
}  # fmt: skip
SYSTEMS = {"debian", "ubuntu", "alpine", "centos"}
_FILES = {
    ".python-version": ("python", r"^[ \t]*(?:cpython-|python-)?(\d[\w.]*)"),
    "runtime.txt": ("python", r"^[ \t]*python-(\d[\w.]*)"),
    ".nvmrc": ("node", r"^[ \t]*v?(\d[\w.]*|lts/\w+)"),
    ".node-version": ("node", r"^[ \t]*v?(\d[\w.]*)"),
    ".ruby-version": ("ruby", r"^[ \t]*(?:ruby-)?(\d[\w.]*)"),
    "Gemfile": ("ruby", r"^[ \t]*ruby\s*\(?\s*['\"]\s*(?:~>|=)?\s*(\d[\w.]*)"),
    "go.mod": ("go", r"^go\s+(\d[\w.]*)"),
    "system.properties": ("java", r"^[ \t]*java\.runtime\.version\s*[=:]\s*(?:\w+-)?(\d[\w.]*)"),
    "pom.xml": ("java", r"<(?:java\.version|maven\.compiler\.(?:release|source))>\s*(\d[\w.]*)"),
    "build.gradle": (
        "java", r"(?:JavaLanguageVersion\.of\(|sourceCompatibility\s*=\s*['\"]?(?:JavaVersion\.VERSION_)?)(\d[\w.]*)",
    ),
    "build.gradle.kts": ("java", r"JavaLanguageVersion\.of\((\d[\w.]*)"),
}  # fmt: skip
_TOOLS = {"python": "python", "nodejs": "node", "node": "node", "ruby": "ruby", "golang": "go", "go": "go",
          "java": "java"}  # fmt: skip
_SETUPS = {"python-version": "python", "node-version": "node", "ruby-version": "ruby", "go-version": "go",
           "java-version": "java"}  # fmt: skip
_TRAVIS = {"python": "python", "node_js": "node", "rvm": "ruby", "go": "go", "jdk": "java"}
_ONE = re.compile(r"^\s*+(?:(?:==|=|~|\^|~=|~>|v)\s*+)?(\d+(?:\.\d+)*)(?:\.[x*])*\s*+$")
_FROM = re.compile(r">=?\s*v?(\d+(?:\.\d+)*)")
_TO = re.compile(r"<\s*v?(\d+(?:\.\d+)*)")
PRODUCTION, CI, DEVELOPMENT = "production", "CI", "development"


@dataclass(frozen=True, slots=True)
class Runtime:
    """`version` "3.12" or "20.1.0"; empty when `told` names no single release: ">=3.8". `where`: PRODUCTION, CI, ..."""

    language: str
    version: str
    told: str
    path: str
    line: int | None
    where: str = PRODUCTION


def runtimes(code: Codebase) -> list[Runtime]:
    return [
        *_of_files(code), *_of_hosts(code), *_of_tools(code), *_of_python(code), *_of_node(code), *_of_images(code),
        *_of_workflows(code), *_of_other_images(code), *_of_travis(code),
    ]  # fmt: skip


def image_version(base: str) -> tuple[str, str] | None:
    """("python", "3.12") of "docker.io/library/python:3.12-slim@sha256:..."; None when the tag tells no version."""
    name, tag = split_image(base)
    product = IMAGES.get(name.rpartition("/")[2]) or (name.rpartition("/")[2] if name in SYSTEMS else "")
    match = re.match(r"v?(\d+(?:\.\d+)*)", tag)
    return (product, match[1]) if product and match else None


def split_image(base: str) -> tuple[str, str]:
    """Name and tag; no tag is ""."""
    place = base.partition("@")[0]
    last = place.rpartition("/")[2]
    name, _, tag = last.partition(":")
    prefix = place.rpartition("/")[0].removeprefix("docker.io").removeprefix("/").removeprefix("library").strip("/")
    return (f"{prefix}/{name}" if prefix else name), tag


def release(language: str, version: str) -> str:
    """As much of a version as makes a release with a support of its own: "3.12", "20"."""
    numbers = version.split(".")
    if language == "java" and numbers[0] == "1" and len(numbers) > 1:
        return numbers[1]
    return numbers[0] if language in {"node", "java"} else ".".join(numbers[:2])


def single(language: str, told: str) -> str:
    """The version a range allows when it allows one release only: "3.12" of ">=3.12,<3.13", "20" of "20.x"."""
    if match := _ONE.match(told):
        return match[1]
    low, high = _FROM.search(told), _TO.search(told)
    if low is None or high is None:
        return ""
    lowest, past = _numbers(release(language, low[1])), _numbers(release(language, high[1]))
    step = 2 if language == "node" else 1  # odd releases of Node are never long-term ones
    return low[1] if past[:-1] == lowest[:-1] and past[-1] - lowest[-1] <= step else ""


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()] or [0]


def _of_files(code: Codebase) -> Iterator[Runtime]:
    for name, (language, pattern) in _FILES.items():
        for file in code.find(name, kinds=OWN):
            match = re.search(pattern, uncommented(file), re.MULTILINE)
            if match:
                yield Runtime(language, single(language, match[1]), match[1], file.path, file.line_at(match.start(1)))


def _of_hosts(code: Codebase) -> Iterator[Runtime]:
    """ "python313" of App Engine, "nodejs22.x" of Lambda."""
    for file in code.find("app.yaml", "serverless.y*ml", "template.y*ml", kinds=OWN):
        for line, match in file.search(r"^[ \t]*[Rr]untime:[ \t]*['\"]?(python|nodejs|ruby|go|java)(\d[\d.]*)"):
            language, told = _TOOLS[match[1]], match[2]
            version = f"{told[0]}.{told[1:]}" if language not in {"node", "java"} and "." not in told else told
            yield Runtime(language, single(language, version.rstrip(".")), match[1] + told, file.path, line)


def _of_tools(code: Codebase) -> Iterator[Runtime]:
    for file in code.find(".tool-versions", "mise.toml", ".mise.toml", kinds=OWN):
        for line, match in file.search(r"^[ \t]*(\w+)\s*(?:=\s*)?[\"']?v?(\d[\w.]*)"):
            if language := _TOOLS.get(match[1]):
                yield Runtime(language, single(language, match[2]), match[2], file.path, line)


def _of_python(code: Codebase) -> Iterator[Runtime]:
    for file in code.find("pyproject.toml", "Pipfile", kinds=OWN):
        data = parsed_toml(file)
        poetry = table(table(table(data.get("tool")).get("poetry")).get("dependencies"))
        requires = table(data.get("requires"))
        told = (
            table(data.get("project")).get("requires-python"),
            poetry.get("python"),
            requires.get("python_full_version") or requires.get("python_version"),
        )
        for one in told:
            if isinstance(one, str):
                yield Runtime("python", single("python", one), one, file.path, line_of(file, one))


def _of_node(code: Codebase) -> Iterator[Runtime]:
    for package in code.fact(packages_json):
        for one in (table(package.data.get("engines")), table(package.data.get("volta"))):
            if isinstance(told := one.get("node"), str):
                yield Runtime("node", single("node", told), told, package.path, package.line_of("node"))


def _of_images(code: Codebase) -> Iterator[Runtime]:
    for stage in (stage for file in production_files(code) for stage in contributing(parse(file))):
        if (known := image_version(stage.base)) and known[0] not in SYSTEMS:
            yield Runtime(known[0], known[1], stage.base, stage.path, stage.line)


def _of_workflows(code: Codebase) -> Iterator[Runtime]:
    for file in code.find(".github/workflows/*.y*ml"):
        for line, key, told in _settings(file, _SETUPS):
            yield Runtime(_SETUPS[key], single(_SETUPS[key], told), told, file.path, line, CI)


def _of_other_images(code: Codebase) -> Iterator[Runtime]:
    """Of the images that CI tests in, and of those that people develop in."""
    for file in code.find(".gitlab-ci.yml", ".circleci/config.yml"):
        for line, _, told in _settings(file, {"image": ""}):
            yield from _of_image(told, file.path, line, CI)
    for file in code.find(".devcontainer/devcontainer.json", ".devcontainer.json"):
        for line, match in file.search(r'"image"\s*:\s*"([^"\s]{1,200})"'):
            yield from _of_image(re.sub(r":\d+-(?=\d)", ":", match[1]), file.path, line, DEVELOPMENT)
    for file in (one for one in code.files.values() if one.language == "dockerfile" and one.kind == "development"):
        for stage in parse(file):
            yield from _of_image(stage.base, stage.path, stage.line, DEVELOPMENT)


def _of_image(told: str, path: str, line: int, where: str) -> Iterator[Runtime]:
    if (known := image_version(told)) and known[0] not in SYSTEMS:
        yield Runtime(known[0], known[1], told, path, line, where)


def _of_travis(code: Codebase) -> Iterator[Runtime]:
    file = code.get(".travis.yml")
    for line, key, told in _settings(file, _TRAVIS) if file else []:
        yield Runtime(_TRAVIS[key], single(_TRAVIS[key], told.removeprefix("v")), told, ".travis.yml", line, CI)


def _settings(file: SourceFile, keys: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    """(line, key, value) wherever one of the keys has a text, or a list of them, for a value."""
    waiting = list(yamls.documents(file))
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, yamls.Seq):
            waiting += value
        elif isinstance(value, yamls.Map):
            waiting += value.values()
            yield from _told(value, keys)


def _told(value: yamls.Map, keys: dict[str, str]) -> Iterator[tuple[int, str, str]]:
    for key in keys.keys() & value.keys():
        told = value[key]
        for one in told if isinstance(told, yamls.Seq) else [told]:
            if isinstance(one, str) and one[:1] not in {"", "$"}:
                yield value.lines[key], key, one
