"""Which files may interest a rule at all: told by their bytes, before anything is parsed.

Hundreds of needles in thousands of files are too many searches. Files share most of their words, so each new word is
looked at once, and a file is asked only which of its words are known to hold a needle. Pure.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from twelve.audit.codebase import Kind, SourceFile

_WORDS = re.compile(rb"\w{3,}")


class Asker(Protocol):
    """A rule of files, or an extraction."""

    @property
    def languages(self) -> tuple[str, ...]: ...
    @property
    def needles(self) -> tuple[bytes, ...]: ...
    @property
    def kinds(self) -> frozenset[Kind]: ...


A = TypeVar("A", bound=Asker)


FEW = 24  # needles that are looked for one by one


@dataclass(slots=True)
class _Group(Generic[A]):
    """Who asks about files of one kind and language. `by_key`: the longest word of a needle -> places and needles."""

    askers: list[A]
    always: set[int] = field(default_factory=set)
    plain: list[tuple[int, bytes]] = field(default_factory=list)
    by_key: dict[bytes, list[tuple[int, bytes]]] = field(default_factory=dict)


class Sieve(Generic[A]):
    """Keeps what it learns of words, so one of them serves a whole audit."""

    def __init__(self, askers: Iterable[A]) -> None:
        self._askers = list(askers)
        needles = {needle for asker in self._askers for needle in asker.needles}
        self._keys = {needle: max(_WORDS.findall(needle), key=len, default=b"") for needle in needles}
        self._distinct = sorted(set(self._keys.values()) - {b""})
        self._known: set[bytes] = set()
        self._telling: dict[bytes, list[bytes]] = {}  # words that hold keys -> these
        self._groups: dict[tuple[Kind, str], _Group[A]] = {}

    def passed(self, file: SourceFile) -> list[A]:
        """Those that should look at the file."""
        group = self._group(file.kind, file.language)
        found = set(group.always)
        found.update(place for place, needle in group.plain if place not in found and needle in file.data)
        for key in self._keys_in(file.data) if group.by_key else ():
            for place, needle in group.by_key.get(key, ()):
                if place not in found and needle in file.data:
                    found.add(place)
        return [group.askers[place] for place in sorted(found)]

    def _group(self, kind: Kind, language: str) -> _Group[A]:
        known = self._groups.get((kind, language))
        if known is None:
            known = self._groups[kind, language] = self._made([
                one for one in self._askers if kind in one.kinds and (not one.languages or language in one.languages)
            ])  # fmt: skip
        return known

    def _made(self, askers: list[A]) -> _Group[A]:
        group = _Group(askers, {place for place, one in enumerate(askers) if not one.needles})
        every = [(place, needle) for place, one in enumerate(askers) for needle in one.needles]
        for place, needle in every:
            key = self._keys[needle] if len(every) > FEW else b""
            (group.by_key.setdefault(key, []) if key else group.plain).append((place, needle))
        return group

    def _keys_in(self, data: bytes) -> set[bytes]:
        words = set(_WORDS.findall(data))
        self._learn(words - self._known)
        return {key for word in words & self._telling.keys() for key in self._telling[word]}

    def _learn(self, words: set[bytes]) -> None:
        if not words:
            return
        self._known |= words
        together = b"\n".join(words)
        for key in self._distinct:
            if key in together:
                for word in words:
                    if key in word:
                        self._telling.setdefault(word, []).append(key)
