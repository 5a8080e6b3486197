"""JSON that people write by hand: values by type, and the line and column of each value that is wrong."""

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from twelve.core.formats import text

Path = tuple[str | int, ...]

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+')
_NAMES = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
}


class JsonReader:
    """Typed access to one document. What is missing or wrong gives None, and what is wrong also a finding."""

    def __init__(self, data: bytes) -> None:
        self.source, self.notes = text.decode(data)
        self.document: Any = None
        self._places: dict[Path, int] = {}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", self.source))]
        if not self.notes:
            self._read()

    def error(self, path: Path, code: str, message: str) -> None:
        self.notes.append(text.error(*self._where(path), code, f"{spelled(path)}{message}"))

    def warning(self, path: Path, code: str, message: str) -> None:
        self.notes.append(text.warning(*self._where(path), code, f"{spelled(path)}{message}"))

    def value(self, path: Path) -> Any:
        """What stands at `path`, None when nothing does."""
        found = self.document
        for step in path:
            if isinstance(found, dict):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def typed(self, path: Path, kind: type) -> Any:
        """The value when it is of that type: a whole number is a number, true is none."""
        value = self.value(path)
        if value is None or is_a(value, kind):
            return value
        self.error(path, "wrong-type", f" must be {_NAMES[kind]}")
        return None

    def text(self, path: Path) -> str | None:
        value: str | None = self.typed(path, str)
        return value

    def object(self, path: Path) -> Mapping[str, Any]:
        return self.typed(path, dict) or {}

    def items(self, path: Path) -> Iterator[Path]:
        """The paths of a list's items."""
        return ((*path, index) for index in range(len(self.typed(path, list) or ())))

    def number(self, path: Path, low: float, high: float = math.inf, *, kind: type = float) -> Any:
        value = self.typed(path, kind)
        if value is None or (low <= value <= high and math.isfinite(value)):
            return value
        bounds = f"{low:g} to {high:g}" if math.isfinite(high) else f"{low:g} or more"
        self.error(path, "out-of-range", f" must be {bounds}")
        return None

    def choice(self, path: Path, choices: tuple[str, ...]) -> str | None:
        value = self.text(path)
        if value is None or value in choices:
            return value
        self.error(path, "unknown-value", f" must be {' or '.join(choices)}")
        return None

    def only(self, path: Path, known: frozenset[str], ignored: frozenset[str] = frozenset()) -> None:
        """A warning for each key of an object that has no meaning here."""
        for key in self.object(path):
            if key in ignored:
                self.warning((*path, key), "ignored-key", " is read and ignored")
            elif key not in known:
                self.warning((*path, key), "unknown-key", " is not known and is ignored")

    def _read(self) -> None:
        try:
            self.document = json.loads(self.source, parse_constant=_no_constant)
        except json.JSONDecodeError as problem:
            message = f"not valid JSON: {problem.msg[0].lower()}{problem.msg[1:]}"
            self.notes.append(text.error(problem.lineno, problem.colno, "bad-json", message))
        except (ValueError, RecursionError) as problem:
            reason = str(problem) if isinstance(problem, _NotJson) else "nested too deeply or a number too large"
            self.notes.append(text.error(1, 1, "bad-json", f"not valid JSON: {reason}"))
        else:
            self._places = dict(_places(self.source))
            self._refuse_unfit_text()

    def _refuse_unfit_text(self) -> None:
        for path, value in _texts(self.document):
            if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
                self.error(path, "control-character", " holds a NUL character or half a surrogate pair")

    def _where(self, path: Path) -> tuple[int, int]:
        while path and path not in self._places:
            path = path[:-1]
        offset = self._places.get(path, 0)
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1


def is_a(value: object, kind: type) -> bool:
    if kind is not bool and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if kind is float else kind)


def spelled(path: Path) -> str:
    """A path as people write it: healthchecks.web[0].path."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


class _NotJson(ValueError):
    """A word Python's decoder takes and JSON does not have."""


def _no_constant(word: str) -> NoReturn:
    raise _NotJson(f"{word} is no JSON value")


def _texts(document: object) -> Iterator[tuple[Path, str]]:
    """Every text in a document, keys included."""
    waiting: list[tuple[Path, object]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, list):
            waiting += [((*path, index), item) for index, item in enumerate(value)]
        elif isinstance(value, dict):
            waiting += [((*path, key), item) for key, item in value.items()]
            waiting += [(path, key) for key in value]


def _places(source: str) -> Iterator[tuple[Path, int]]:
    """Where each key and each list item of a valid document begins."""
    path: list[str | int | None] = []  # of every open object the key being read, of every open list the index
    for token in _TOKEN.finditer(source):
        word = token[0]
        key_expected = bool(path) and path[-1] is None
        if key_expected and word[0] == '"':
            path[-1] = json.loads(word)
            yield tuple(step for step in path if step is not None), token.start()
        elif path and isinstance(path[-1], int) and word not in {",", "]"}:
            yield tuple(step for step in path if step is not None), token.start()
        _step(path, word)


def _step(path: list[str | int | None], word: str) -> None:
    if word in {"{", "["}:
        path.append(None if word == "{" else 0)
    elif word in {"}", "]"}:
        path.pop()
    elif word == "," and path:
        path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
