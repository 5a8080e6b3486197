"""What the last audit of a directory found in its files: read again are only those that have changed since.

path -> size, time, inode -> digest of the content -> what was said. One file for each directory, below the cache, for
one state of our own code; anything else in its place is no more than a miss.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twelve.audit.codebase import EXTRACTIONS, SourceFile
from twelve.audit.engine import Said
from twelve.audit.model import Hit, Severity, Verdict
from twelve.audit.rule import Rule

MOST_KEPT = 32  # directories
LARGEST = 64 << 20  # bytes kept for one of them
SETTLED = 2_000_000_000  # ns: a file changed more recently may change again within the same tick of its clock
OWN = Path(__file__).parent


@dataclass(slots=True)
class FileMemory:
    """`made_by` names the state of the code whose answers are kept."""

    place: Path
    made_by: str
    _before: dict[str, list[Any]] = field(default_factory=dict)  # path -> [stamp, key]
    _said: dict[str, Said] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _now: dict[str, list[Any]] = field(default_factory=dict)
    _changed: bool = False

    @classmethod
    def of(cls, root: Path, cache: Path, rules: Iterable[Rule]) -> "FileMemory":
        name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:24]
        made = cls(cache / "audit" / f"{name}.json", made_by(rules))
        made._load()
        return made

    def recall(self, file: SourceFile) -> Said | None:
        if file.stamp is None:
            return None
        stamp, before = [*file.stamp, file.tracked], self._before.get(file.path)
        key = before[1] if before and before[0] == stamp else _key(file)
        self._changed |= before is None or before != [stamp, key]
        self._now[file.path] = [stamp, key]
        return self._said.get(key, Said()) if key in self._known else None

    def remember(self, file: SourceFile, said: Said) -> None:
        noted = self._now.get(file.path)
        if noted is None:
            return
        if not file.complete:
            del self._now[file.path]
        elif said.hits or said.extracts:
            self._said[noted[1]] = said

    def save(self) -> None:
        """A cache that cannot be written is none; that is no reason to fail."""
        if not self._changed and self._now.keys() == self._before.keys():
            return
        kept = {key for _, key in self._now.values()}
        data = json.dumps({
            "files": {path: [_settled(stamp), key] for path, (stamp, key) in self._now.items()},
            "said": {key: _plain(said) for key, said in self._said.items() if key in kept},
        }).encode()  # fmt: skip
        if len(data) > LARGEST:
            return
        try:
            self.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self.place.with_suffix(f".{os.getpid()}.new")
            fresh.write_bytes(f"{self._seal(data)}\n".encode() + data)
            fresh.replace(self.place)
            _make_room(self.place.parent)
        except OSError:
            return

    def _load(self) -> None:
        try:
            if self.place.stat().st_uid != os.getuid():
                return
            seal, _, data = self.place.read_bytes().partition(b"\n")
        except OSError:
            return
        if seal == self._seal(data).encode():
            found = json.loads(data)
            self._before = found["files"]
            self._said = {key: _said(plain) for key, plain in found["said"].items()}
            self._known = {key for _, key in self._before.values()}

    def _seal(self, data: bytes) -> str:
        """Of our own making, by this code, and whole."""
        return hashlib.sha256(self.made_by.encode() + data).hexdigest()


def made_by(rules: Iterable[Rule]) -> str:
    """A digest of all code that has a say: the audit's own, and the modules of rules that others add."""
    functions = [one.check or one.file_check for one in rules] + [one.function for one in EXTRACTIONS.values()]
    modules = {function.__module__ for function in functions if function}
    added = {str(getattr(sys.modules.get(name), "__file__", None) or "") for name in modules}
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted({*map(str, OWN.rglob("*.py")), *added} - {""}):
        digest.update(path.encode() + b"\0" + Path(path).read_bytes())
    return digest.hexdigest()


def _key(file: SourceFile) -> str:
    """Of all that a rule of files may see."""
    about = json.dumps([file.path, file.tracked, file.size]).encode()
    return hashlib.blake2b(about + b"\0" + file.data, digest_size=16).hexdigest()


def _settled(stamp: list[Any]) -> list[Any]:
    return stamp if time.time_ns() - stamp[1] > SETTLED else []


def _plain(said: Said) -> list[Any]:
    hits = {
        rule: [[one.path, one.line, one.message, one.severity, one.verdict] for one in own]
        for rule, own in said.hits.items()
    }
    return [hits, said.extracts]


def _said(plain: list[Any]) -> Said:
    return Said({rule: [_hit(*one) for one in own] for rule, own in plain[0].items()}, plain[1])


def _hit(path: str, line: int | None, message: str, severity: str | None, verdict: str | None) -> Hit:
    return Hit(path, line, message, severity and Severity(severity), verdict and Verdict(verdict))  # type: ignore[arg-type]  # None and "" stay


def _make_room(directory: Path) -> None:
    kept = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[MOST_KEPT:]:
        path.unlink(missing_ok=True)
