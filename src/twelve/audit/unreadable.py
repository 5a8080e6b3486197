"""Files that decide and are not what their name says: told, since what would have been found in them is missing."""

import json
import tomllib
from collections.abc import Callable, Iterator

import yaml

from twelve.audit.codebase import Codebase
from twelve.audit.facts import yamls
from twelve.audit.facts.manifests import LONG_KEY

PLAIN = ("Procfile", "Dockerfile", "requirements.txt", "Gemfile", "go.mod")


def unreadable(code: Codebase) -> Iterator[str]:
    """A sentence for each of those at the root."""
    for path in (*FORMATS, *PLAIN):
        file = code.get(path)
        if file is None or not file.size or file.is_too_large:
            continue
        form, parsed = FORMATS.get(path, ("text", None))
        if not file.data:
            yield f"{path} is not text, so nothing in it counts."
        elif parsed and (line := parsed(file.text)) is not None:
            yield f"{path}{f':{line}' if line else ''} cannot be read as {form}, so nothing in it counts."


def _json(text: str) -> int | None:
    """The line of the mistake, 0 when there is no saying; None when there is none. So for the others."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno
    except (ValueError, RecursionError):
        return 0
    return None


def _toml(text: str) -> int | None:
    if LONG_KEY.search(text):
        return 0
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        words = str(error).replace(",", "").split()
        return int(words[words.index("line") + 1]) if "line" in words else 0
    return None


def _yaml(text: str) -> int | None:
    try:
        yamls.parsed(text)
    except yaml.MarkedYAMLError as error:
        return error.problem_mark.line + 1 if error.problem_mark else 0
    except yamls.UNREADABLE:
        return 0
    return None


FORMATS: dict[str, tuple[str, Callable[[str], int | None]]] = {
    **dict.fromkeys(("package.json", "app.json"), ("JSON", _json)),
    **dict.fromkeys(("twelve.toml", "pyproject.toml", "fly.toml", "Pipfile"), ("TOML", _toml)),
    **dict.fromkeys(
        ("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "heroku.yml", "render.yaml"),
        ("YAML", _yaml),
    ),
}
