"""Which Python a codebase asks for, and the interpreter that answers; a version nobody has is refused."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from twelve.core.errors import BadManifest, MissingInterpreter, Where
from twelve.stages.build import interpreters
from twelve.stages.build.interpreters import Interpreter

_EXACTLY = re.compile(r"^==(\d[\d.]*\d)(?:\.\*)?$")
_EXACT = re.compile(r"(?:c?python[-@]?)?(3(?:\.\d+){0,2})")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Any one of `specifiers` will do. `text` is what the file says, for people."""

    text: str
    specifiers: tuple[SpecifierSet, ...]
    where: Where

    def accepts(self, version: Version) -> bool:
        return any(specifier.contains(version, prereleases=True) for specifier in self.specifiers)


def wanted(tree: Path, pyproject: Mapping[str, Any], lock: Mapping[str, Any], lock_name: str) -> Wanted | None:
    """The first that says something: .python-version, runtime.txt, Pipfile.lock, pyproject.toml, the lock file."""
    return (
        _from_line(tree, ".python-version")
        or _from_line(tree, "runtime.txt")
        or _from_requirement(_pipfile(lock), lock_name)
        or _from_requirement(pyproject.get("project", {}).get("requires-python"), "pyproject.toml")
        or _from_requirement(_poetry(pyproject), "pyproject.toml")
        or _from_requirement(lock.get("requires-python"), lock_name)
    )


def choose(want: Wanted | None, compiled: Callable[[Version], int] | None = None) -> Interpreter:
    """The one twelve runs on if it will do, else the newest that does.

    `compiled` tells how many packages a version would have to compile: the one with the fewest is taken.
    """
    mine = interpreters.own()
    if want is None or (want.accepts(mine.version) and (compiled is None or compiled(mine.version) == 0)):
        return mine
    fitting = _preferred(want, mine)
    return min(fitting, key=lambda one: compiled(one.version)) if compiled else fitting[0]


def _preferred(want: Wanted, mine: Interpreter) -> list[Interpreter]:
    """Those that will do: mine, then finished releases, newest first, then the others."""
    at_hand = interpreters.at_hand()
    fitting = [one for one in at_hand if want.accepts(one.version)]
    if fitting:
        return sorted(fitting, key=lambda one: (one.version != mine.version, one.version.is_prerelease))
    raise MissingInterpreter(
        f"Python {want.text} is asked for, and this machine has {interpreters.versions(at_hand)}.",
        where=want.where,
        hint=_way_out(want, at_hand),
    )


def _way_out(want: Wanted, at_hand: Iterable[Interpreter]) -> str:
    exact = re.fullmatch(r"(3\.\d+)\.\d+", want.text)
    kin = next((one.version for one in at_hand if exact and str(one.version).startswith(f"{exact[1]}.")), None)
    if exact and kin:
        return f"Install it (pyenv, uv python install), or ask for {exact[1]} to get {kin}."
    return "Install it (pyenv, uv python install), or ask for one of these."


def _from_line(tree: Path, name: str) -> Wanted | None:
    try:
        lines = (tree / name).read_text(errors="replace").splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return None
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            return Wanted(
                text.removeprefix("python-"), _line_specifiers(text, Where(name, number)), Where(name, number)
            )
    return None


def _line_specifiers(text: str, where: Where) -> tuple[SpecifierSet, ...]:
    exact = _EXACT.fullmatch(text)
    try:
        if exact is None:
            return (SpecifierSet(text),)
    except InvalidSpecifier:
        raise BadManifest(f'"{text}" is not a Python version.', where=where, hint='Write it like "3.12".') from None
    version = exact[1]
    return (SpecifierSet(f"=={version}" if version.count(".") == 2 else f"=={version}.*"),)


def _from_requirement(text: object, file: str) -> Wanted | None:
    if not isinstance(text, str) or not text.strip() or text.strip() == "*":
        return None
    try:
        return Wanted(_EXACTLY.sub(r"\1", text), tuple(map(poetry_specifier, text.split("||"))), Where(file))
    except InvalidSpecifier:
        raise BadManifest(f'"{text}" is not a range of Python versions.', where=Where(file)) from None


def poetry_specifier(text: str) -> SpecifierSet:
    """A PEP 440 range, or poetry's: "^3.11" up to the next major, "~3.11" up to the next minor, "3.11" exactly that."""
    return SpecifierSet(
        ",".join(_clause(clause.strip()) for clause in re.split(r"[,\s]+(?=[\^~<>=!\d])", text.strip()))
    )


def _clause(clause: str) -> str:
    if clause in {"*", ""}:
        return ""
    numbers = [int(part) for part in re.findall(r"\d+", clause)]
    if clause.startswith("^"):
        head = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
        return f">={clause[1:]},<{_next(numbers, head)}"
    if clause.startswith("~") and not clause.startswith("~="):
        return f">={clause[1:]},<{_next(numbers, min(1, len(numbers) - 1))}"
    return f"=={clause}" if clause[0].isdigit() else clause


def _next(numbers: list[int], place: int) -> str:
    return ".".join(map(str, [*numbers[:place], numbers[place] + 1]))


def _pipfile(lock: Mapping[str, Any]) -> str | None:
    requires = lock.get("_meta", {}).get("requires", {}) if isinstance(lock.get("_meta"), dict) else {}
    exact, minor = requires.get("python_full_version"), requires.get("python_version")
    return f"=={exact}" if exact else f"=={minor}.*" if minor else None


def _poetry(pyproject: Mapping[str, Any]) -> object:
    return pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python")


def load_toml(path: Path) -> dict[str, Any]:
    """A TOML file, {} where there is none; BadManifest with the place of what is wrong in it."""
    try:
        return tomllib.loads(path.read_bytes().decode())
    except (FileNotFoundError, IsADirectoryError):
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        where = Where(path.name, int(place[1]), int(place[2])) if place else Where(path.name)
        said = str(error).partition(" (at ")[0]
        raise BadManifest(f"{path.name} is not valid TOML: {said}.", where=where) from None
