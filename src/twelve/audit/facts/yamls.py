"""YAML as dictionaries and lists that know their lines. Nothing is constructed, and shared nodes stay shared.

Built from the parser's events, since its own composer recurses in C: a file that is nested deep enough would end us.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from twelve.audit.codebase import SourceFile

MOST_NODES = 200_000  # of a document with every alias written out
DEEPEST = 200
MERGE = "<<"
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Map(dict[str, Any]):
    """`lines`: of each key; `line` where it begins."""

    line: int
    lines: dict[str, int]


class Seq(list[Any]):
    line: int
    lines: list[int]


def documents(file: SourceFile) -> list[Any]:
    """Map, Seq, or str for each scalar, as written; empty when it is not YAML (a template, say).

    Empty as well when it is nested too deep, or its aliases make it too large to walk: whoever walks it ends.
    """
    try:
        return parsed(file.text)
    except UNREADABLE:
        return []


def parsed(text: str) -> list[Any]:
    """The same; raises one of UNREADABLE instead."""
    return list(_built(yaml.parse(text, Loader=Loader)))


@dataclass(slots=True)
class _Open:
    """A node that is not complete. `key` waits for its value; `size` counts what is inside, aliases written out."""

    value: Map | Seq
    anchor: str | None
    line: int
    key: tuple[str, int] | None = None
    size: int = 1

    def add(self, value: Any, line: int, size: int) -> None:
        self.size += size
        if self.size > MOST_NODES:
            raise ValueError
        if isinstance(self.value, Seq):
            self.value.append(value)
            self.value.lines.append(line)
        elif self.key is None:
            self.key = (value if isinstance(value, str) else "", line)
        else:
            _set(self.value, *self.key, value)
            self.key = None


def _built(events: Iterable[yaml.Event]) -> Iterator[Any]:
    stack: list[_Open] = []
    known: dict[str, tuple[Any, int]] = {}
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            known = {}
        elif isinstance(event, yaml.CollectionStartEvent):
            stack.append(_opened(event))
            if len(stack) > DEEPEST:
                raise ValueError
        elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            value, line, size = _complete(event, stack, known)
            if stack:
                stack[-1].add(value, line, size)
            else:
                yield value


def _opened(event: yaml.CollectionStartEvent) -> _Open:
    value: Map | Seq = Map() if isinstance(event, yaml.MappingStartEvent) else Seq()
    value.line = _line(event)
    value.lines = {} if isinstance(value, Map) else []
    return _Open(value, event.anchor, value.line)


def _line(event: yaml.Event) -> int:
    return int(event.start_mark.line) + 1 if event.start_mark else 1


def _complete(event: yaml.Event, stack: list[_Open], known: dict[str, tuple[Any, int]]) -> tuple[Any, int, int]:
    """A node with its line and size. An alias of a node that is still open would have no end."""
    line = _line(event)
    if isinstance(event, yaml.AliasEvent):
        if event.anchor not in known:
            raise ValueError
        return known[event.anchor][0], line, known[event.anchor][1]
    anchor, value, size = getattr(event, "anchor", None), getattr(event, "value", ""), 1
    if isinstance(event, yaml.CollectionEndEvent):
        done = stack.pop()
        anchor, value, line, size = done.anchor, done.value, done.line, done.size
    if anchor:
        known[anchor] = (value, size)
    return value, line, size


def _set(into: Map, name: str, line: int, value: Any) -> None:
    if name != MERGE:
        into[name] = value
        into.lines[name] = line
        return
    for one in value if isinstance(value, Seq) else [value]:
        if isinstance(one, Map):
            for inherited in one:
                into.setdefault(inherited, one[inherited])
                into.lines.setdefault(inherited, one.lines[inherited])
