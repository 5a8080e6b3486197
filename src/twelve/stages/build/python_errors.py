"""What uv says when it fails -> one sentence with the place in the codebase."""

import re
from pathlib import Path

from twelve.core.errors import BadManifest, BuildError, Where
from twelve.stages.build.python_project import Project, requirements_files

_PLACE = re.compile(r"(?:^|[\s`:])((?:[\w.-]+/)*[\w.-]+\.(?:txt|in|toml)):(\d+):(\d+)")
_TOML = re.compile(r"Failed to parse `(?:[^`]*/)?([\w.-]+)`.*?at line (\d+), column (\d+)\s(.*)", re.DOTALL)
_BECAUSE = re.compile(r"Because (.*?)(?: and you require [^,]*)?(?:,? we can conclude.*)?$")
_PACKAGE = re.compile(
    r"(?:Because (?:there (?:is|are) no versions? of |only )?|Hash mismatch for `|Failed to (?:build|download|fetch) `|"
    r"not found in the (?:package )?registry: )([A-Za-z0-9][\w.-]*[\w])"
)
_COMPILED = re.compile(r"Failed to build `([A-Za-z0-9][^`@ ]*)`")
BACKEND = "The build backend returned an error"  # what it said itself comes last
_MISSING = re.compile(r"failed to read from file `(?:[^`]*/)?([^`/]+)`")
_OFFLINE = re.compile(r"error sending request|Failed to fetch|dns error|Connection refused|Could not connect")


def explain(tail: list[str], project: Project, app: str) -> BuildError:
    text = "\n".join(line.replace(f"{app}/", "") for line in tail)
    toml = _TOML.search(text)
    if toml:
        reason = _last(toml[4])
        where = Where(toml[1], int(toml[2]), int(toml[3]))
        return BadManifest(f"{toml[1]} is not a lock file uv can read: {reason}.", where=where)
    place = _PLACE.search(text)
    if place:
        where = Where(place[1], int(place[2]), int(place[3]))
        return BadManifest(f"{place[1]} cannot be read: {_sentence(text).partition(': ' + place[1])[0]}.", where=where)
    if missing := _MISSING.search(text):
        return BadManifest(f"{missing[1]} is included, but there is no such file.", where=_find(project, missing[1]))
    package = _PACKAGE.search(text)
    if compiled := _COMPILED.search(text):
        return BuildError(
            f"{compiled[1]} has no wheel for this Python, and compiling it failed.",
            where=_find(project, compiled[1].partition("==")[0]),
            hint="The output tells why; an older Python in .python-version, or a newer release of it, may help.",
        )
    hint = "The package index could not be reached." if _OFFLINE.search(text) else ""
    where_asked = _find(project, package[1]) if package else None
    return BuildError(
        f"The Python dependencies could not be installed: {_sentence(text)}.",
        where=where_asked or (Where(project.file) if project.file else None),
        hint=hint,
    )


def _sentence(text: str) -> str:
    """The cause, if uv names one, else its error line."""
    because = _BECAUSE.search(" ".join(line.strip() for line in _causes(text)))
    if because:
        return because[1].strip().rstrip(".")
    causes = _causes(text)
    said = next((line for line in text.splitlines() if line.startswith("error:")), _last(text))
    found = causes[0] if causes else said
    if found == BACKEND:
        found = _last(text)
    return found.removeprefix("error:").strip().rstrip(".:")


def _causes(text: str) -> list[str]:
    lines = [line.strip(" │╰─▶├\N{MULTIPLICATION SIGN}") for line in text.splitlines()]
    return [line.removeprefix("cause:").strip() for line in lines if line.startswith(("cause:", "Because"))]


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip(" |^") and not line.strip().startswith("hint:")]
    return lines[-1].rstrip(".") if lines else "no output"


def _find(project: Project, name: str) -> Where | None:
    """The line of the codebase that names a package or a file."""
    files = requirements_files(project.tree) if project.file == "requirements.txt" else [project.file, "pyproject.toml"]
    pattern = re.compile(rf"(?<![\w.-]){re.sub(r'[-_.]+', '[-_.]+', name)}(?![\w-])", re.IGNORECASE)
    for file in filter(None, files):
        for number, line in enumerate(_read(project.tree / file), 1):
            if pattern.search(line):
                return Where(file, number)
    return None


def _read(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines() if path.is_file() else []
