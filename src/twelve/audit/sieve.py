"""Which files may interest a rule at all: told by their bytes, before anything is parsed.

Hundreds of needles in thousands of files are too many searches. Files share most of their words, so each new word is
looked at once, and a file is asked only which of its words are known to hold a needle. Pure.
"""

import re
from collections.abc import Iterable
from typing import Protocol, TypeVar

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


class Sieve:
    """Keeps what it learns of words, so one of them serves a whole audit."""

    def __init__(self, askers: Iterable[Asker]) -> None:
        needles = {needle for asker in askers for needle in asker.needles}
        self._keys = {needle: max(_WORDS.findall(needle), key=len, default=b"") for needle in needles}
        self._distinct = sorted(set(self._keys.values()) - {b""})
        self._known: set[bytes] = set()
        self._telling: dict[bytes, list[bytes]] = {}  # words that hold keys -> these

    def passed(self, askers: Iterable[A], file: SourceFile) -> list[A]:
        """Those of `askers` that should look at the file."""
        asking = [
            one for one in askers if file.kind in one.kinds and (not one.languages or file.language in one.languages)
        ]
        if not any(one.needles for one in asking):
            return asking
        keys = self._keys_in(file.data)
        return [one for one in asking if not one.needles or self._any(one.needles, keys, file.data)]

    def _any(self, needles: tuple[bytes, ...], keys: set[bytes], data: bytes) -> bool:
        return any((not (key := self._keys[needle]) or key in keys) and needle in data for needle in needles)

    def _keys_in(self, data: bytes) -> set[bytes]:
        words = set(_WORDS.findall(data))
        self._learn(words - self._known)
        return {key for word in words & self._telling.keys() for key in self._telling[word]}

    def _learn(self, words: set[bytes]) -> None:
        self._known |= words
        together = b"\n".join(words)
        for key in self._distinct:
            if key in together:
                for word in words:
                    if key in word:
                        self._telling.setdefault(word, []).append(key)
