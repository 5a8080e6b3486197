"""A relay to Redis that sees what takes jobs from which queue, and can hold back the answer that hands one over."""

from dataclasses import dataclass

from twelve.audit.probes.relay import Relay
from twelve.audit.probes.resp import Commands

LISTS = frozenset({b"LPOP", b"RPOP", b"BLPOP", b"BRPOP"})
MOVES = frozenset({b"LMOVE", b"BLMOVE", b"RPOPLPUSH", b"BRPOPLPUSH"})
SORTED = frozenset({b"ZPOPMIN", b"ZPOPMAX", b"BZPOPMIN", b"BZPOPMAX"})
# These keep books of their own beside the queue, which only a job of their own gets into.
LIBRARIES = {b"_kombu": "Celery", b"rq:": "RQ", b"bull:": "Bull", b"arq:": "arq", b"dramatiq:": "Dramatiq"}


@dataclass(frozen=True, slots=True)
class Taking:
    """`command` takes from `queue`; `group` is the one of a stream's readers."""

    command: str
    queue: bytes
    group: bytes = b""

    @property
    def kind(self) -> str:
        if self.group:
            return "stream"
        return "zset" if self.command.encode() in SORTED else "list"


class Tap(Relay):
    """`takings` as they are seen; `held` once an answer with the marker has come and was not passed on."""

    def __init__(self) -> None:
        self.takings: list[Taking] = []
        self.library = ""
        self.held = False
        self._marker = b""
        self._commands: dict[int, Commands] = {}
        self._tails: dict[int, bytes] = {}
        super().__init__()

    def hold(self, marker: bytes) -> None:
        """From now on the answer that holds the marker goes no further, and nothing after it on that connection."""
        self.held = False
        self._tails.clear()
        self._marker = marker

    def passes(self, piece: bytes, connection: int, *, answer: bool) -> bool:
        if not answer:
            for words in self._commands.setdefault(connection, Commands()).feed(piece):
                self._look(words)
            return True
        if not self._marker:
            return True
        seen = self._tails.get(connection, b"") + piece
        self._tails[connection] = seen[-len(self._marker) :]
        if self._marker not in seen:
            return True
        self.held = True
        return False

    def _look(self, words: list[bytes]) -> None:
        for sign, library in LIBRARIES.items():
            if any(word.startswith(sign) for word in words):
                self.library = library
        if found := taking(words):
            self.takings.append(found)


def taking(words: list[bytes]) -> Taking | None:
    """What a command takes from, if it takes."""
    name = words[0].upper() if words else b""
    if len(words) > 1 and name in LISTS | MOVES | SORTED:
        return Taking(name.decode(), words[1])
    upper = [word.upper() for word in words]
    if name == b"XREADGROUP" and {b"GROUP", b"STREAMS"} <= set(upper):
        group, streams = upper.index(b"GROUP"), upper.index(b"STREAMS")
        if len(words) > max(group + 1, streams + 1):
            return Taking(name.decode(), words[streams + 1], words[group + 1])
    return None
