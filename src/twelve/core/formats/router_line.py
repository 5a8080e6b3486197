"""The router's line in the log, made of what the front door prints. Pure.

Raw: `>SLOT DYNO END ANSWER CONNECT SERVICE STATUS BYTES FWD MADE GIVEN GET /path HTTP/1.1 HOST AGENT`
END is HAProxy's two letters for how it ended, ANSWER what a request met that no process could take, MADE and GIVEN its
id from us or from the client; "-" is nothing. For an app in a rollout GIVEN is GIVEN|EXP|VARIANT|PHASE|UNIT|HOST, and
HOST is what it was dealt to. Nobody looks at most lines, so they stay so short and so raw: `sort` only
finds whose they are, `translate` writes them out once somebody reads them.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple, Self

from twelve.core.model.metrics import NO_STATUS
from twelve.core.model.units import Exposure
from twelve.core.policy.assign import bucket_of
from twelve.core.policy.codes import H
from twelve.core.policy.rollout import NAMES, place_of

SWITCHING = "101"
BEHIND = b"waiting"  # a request that goes by way of it is told about there

# what a request met -> code; core.ports.Router has the modes, "timeout" is a hold that took too long
BY_ANSWER = {
    "crashed": "H10",
    "none": "H14",
    "hold": "H20",
    "timeout": "H20",
    "unknown": "H31",
    "maintenance": "H80",
    "blank": "H81",
    "lost": "H99",
}
LEFT = "hold"  # still the answer at the end: the client did not wait for a better one
# how it ended on a process -> code
BY_END = {
    "sH": "H12",
    "SH": "H13",
    "sD": "H15",
    "PH": "H17",
    "SD": "H18",
    "sC": "H19",
    "SC": "H21",
    "sQ": "H11",
    "CC": "H27",
    "CD": "H27",
    "CH": "H27",
    "CL": "H27",
    "CQ": "H27",
    "CR": "H27",
    "cD": "H28",
    "cH": "H28",
    "cL": "H28",
    "cR": "H28",
    "PR": "H26",
    "KC": "H24",
    "KD": "H24",
    "KH": "H24",
}
TUNNEL_ENDS = {"CD", "SD"}  # somebody closed a WebSocket: nothing went wrong
ANSWERED = {"H15", "H18", "H27", "H28"}  # bytes went to the client before it broke off

_ESCAPED = re.compile(r"#([0-9A-F]{2})")
LONG_ENOUGH = 256  # bytes that hold all fields up to STATUS

_HASH = re.compile(r"[0-9a-f]{32}")
_SITE = re.compile(r"^https?://[^/?]*")  # a client may name the whole URL


class Raw(NamedTuple):
    slot: str
    dyno: str
    end: str
    answer: str
    connect: str
    service: str
    status: str
    bytes: str
    fwd: str
    made: str
    given: str
    method: str
    path: str
    protocol: str
    host: str
    agent: str

    @classmethod
    def of(cls, line: str) -> Self | None:
        """None when it is not one of ours. A path that was too long to keep came without its protocol."""
        fields = line[1:].split(" ")
        missing = len(cls._fields) - len(fields)
        if not 0 <= missing <= 2:
            return None
        return cls._make([*fields[:-2], *[""] * missing, *fields[-2:]])


class Dealt(NamedTuple):
    """How a rollout's request was dealt out: `unit` is a hash."""

    given: str
    exp: str
    variant: str
    phase: str
    unit: str
    host: str

    @classmethod
    def of(cls, raw: Raw) -> Self | None:
        fields = raw.given.split("|")
        return cls._make(fields) if len(fields) == len(cls._fields) else None


def sort(chunk: bytes) -> dict[str, bytes]:
    """Whole raw lines by slot, without those that are told about elsewhere or are not about requests."""
    prefix = chunk[: chunk.find(b" ") + 1]
    if _all_begin_with(prefix, chunk) and b" " + BEHIND + b" " not in chunk:
        return {_slot(prefix): chunk}
    by_slot: dict[bytes, list[bytes]] = {}
    for line in chunk[:-1].split(b"\n"):
        if line.startswith(b">") and not _told_behind(line):
            by_slot.setdefault(line[: line.find(b" ")], []).append(line + b"\n")
    return {_slot(head): b"".join(lines) for head, lines in by_slot.items()}


def translate(lines: bytes, mode: str) -> bytes:
    """Lines of one app in Heroku's form. `mode` is what the front door was told of the app when they came."""
    raw = lines[:-1].decode(errors="replace").split("\n")
    return ("\n".join(_translated(line, mode) for line in raw) + "\n").encode()


def timings(lines: bytes, most: int, start: float = 0.5) -> tuple[int, list[tuple[bytes, int]]]:
    """How many lines of one app there are, and from about `most` of them, evenly spread, process and milliseconds.

    `start`, 0 to 1, is where in its stretch each is looked for. Left out: what no process answered, and WebSockets.
    """
    count = lines.count(b"\n")
    if count <= most:
        found = [_timing(line) for line in lines[:-1].split(b"\n")]
    else:
        stretch = len(lines) / most
        ends = (lines.find(b"\n", int((number + start) * stretch)) + 1 for number in range(most))
        found = [_timing(lines[end : end + LONG_ENOUGH]) for end in ends if 0 < end < len(lines)]
    return count, [time for time in found if time is not None]


def _timing(line: bytes) -> tuple[bytes, int] | None:
    """DYNO and SERVICE of a raw line's beginning."""
    fields = line.split(b" ", 7)
    if len(fields) < 8 or fields[1][:1] == b"<" or fields[6] == SWITCHING.encode() or not fields[5].isdigit():
        return None
    return fields[1], int(fields[5])


def unserved(lines: bytes) -> dict[str, int]:
    """Answers that no process gave, by class of status: pages for apps that are down. HAProxy does not count these."""
    counts: dict[str, int] = {}
    if b"<" in lines and b"<NOSRV>" in lines:  # one byte is found several times as fast
        for line in lines[:-1].split(b"\n"):
            fields = line.split(b" ", 7)
            if len(fields) == 8 and fields[1] == b"<NOSRV>" and fields[3] != b"-":
                kind = _kind(fields[6].decode(), fields[3].decode())
                counts[kind] = counts.get(kind, 0) + 1
    return counts


def exposures(lines: bytes) -> Iterator[Exposure]:
    """Of requests whose unit belongs to a variant of a rollout. Their GIVEN is GIVEN|SALT|VARIANT|PHASE|HASH|HOST."""
    for line in lines[:-1].split(b"\n"):
        if b"|" in line and (found := _exposure(line.split(b" ", 11))) is not None:
            yield found


def _exposure(fields: list[bytes]) -> Exposure | None:
    told = fields[10].decode(errors="replace").split("|") if len(fields) > 10 else []
    if len(told) != 6 or not told[3].isdecimal() or not _HASH.fullmatch(told[4]):
        return None
    _, salt, variant, phase, unit, _ = told
    end, service, status = fields[2], fields[5], fields[6]
    return Exposure(
        experiment=salt,
        phase=int(phase),
        variant=variant,
        unit_hash=unit,
        failed=status[:1] == b"5" or end[:1] in b"SsPI",
        milliseconds=int(service) if service.isdigit() else 0,
        elsewhere=_place(fields[1]) != NAMES.find(variant),
        tunnel=status == SWITCHING.encode(),
    )


def _place(dyno: bytes) -> int:
    number = dyno.rstrip(b":").rpartition(b".")[2]
    return place_of(int(number)) if number.isdigit() else -1


def _kind(status: str, answer: str) -> str:
    """Who left a hold did not see what it ended with."""
    return f"{status[0]}xx" if len(status) == 3 and status.isdigit() and answer != LEFT else NO_STATUS


def _all_begin_with(prefix: bytes, chunk: bytes) -> bool:
    return (
        prefix.startswith(b">")
        and not prefix.startswith(b">" + BEHIND)
        and chunk.count(b"\n" + prefix) + 1 == chunk.count(b"\n")
    )


def _slot(prefix: bytes) -> str:
    return prefix[1:].strip().decode()


def _told_behind(line: bytes) -> bool:
    slot, dyno, end, *_ = line.split(b" ", 3)
    return BEHIND in {slot[1:], dyno} and end[:1] in b"-Cc"


def _translated(line: str, mode: str) -> str:
    raw = Raw.of(line)
    return " ".join(line_of(raw, mode)) if raw else line


def code_of(raw: Raw, dyno: str, mode: str) -> str | None:
    """The H-code of a request, None when all went well."""
    if raw.answer == LEFT:
        return "H27"
    if raw.answer in BY_ANSWER:
        return BY_ANSWER[raw.answer]
    if raw.end.startswith("-") or (raw.status == SWITCHING and raw.end in TUNNEL_ENDS):
        return None
    if raw.end in {"SC", "sQ"} and (not dyno or raw.end == "sQ") and mode in BY_ANSWER:
        return BY_ANSWER[mode]
    if raw.status == SWITCHING and raw.end in {"cD", "sD"}:
        return "H15"
    return BY_END.get(raw.end, "H99")


def line_of(raw: Raw, mode: str) -> Iterator[str]:
    """Its parts, in order."""
    dyno = "" if raw.dyno.startswith("<") or raw.dyno == BEHIND.decode() else raw.dyno.rstrip(":")
    code = code_of(raw, dyno, mode)
    dealt = Dealt.of(raw)
    yield from _what(code, raw)
    yield from _request(raw._replace(given=dealt.given, host=dealt.host) if dealt else raw)
    yield from _served(code, dyno, raw)
    yield from _carried(raw)
    if dealt:
        yield from _dealt(dealt, dyno)


def _what(code: str | None, raw: Raw) -> Iterator[str]:
    if code is None:
        yield "at=info"
        return
    known = H[code]
    yield f'at={known.at} code={code} desc="{known.desc}"'
    if known.sock:
        yield f"sock={known.sock}"
    if code == "H26":
        yield 'cause="bad header"'
    if code == "H31":
        yield f'agent="{_known(raw.agent)}"'


def _request(raw: Raw) -> Iterator[str]:
    bad = raw.method.startswith("<")
    path = "" if bad else _ESCAPED.sub(r"%\1", _SITE.sub("", raw.path))
    id_ = "" if bad else _known(raw.given) or _known(raw.made)
    yield f'method={"" if bad else raw.method} path="{path}" host={_known(raw.host)}'
    yield f'request_id={id_} fwd="{raw.fwd}"'


def _served(code: str | None, dyno: str, raw: Raw) -> Iterator[str]:
    status, size = raw.status, raw.bytes
    if code is not None and code not in ANSWERED:
        status, size = str(H[code].status or ""), "0" if dyno else ""
    elif code in {"H27", "H28"}:
        status, size = str(H[code].status), size if dyno else ""
    connect, service = (_milliseconds(time) if dyno else "" for time in (raw.connect, raw.service))
    yield f"dyno={dyno} connect={connect} service={service} status={status} bytes={size}"


def _carried(raw: Raw) -> Iterator[str]:
    name, _, version = raw.protocol.partition("/")
    yield f"protocol={f'http{version}' if name == 'HTTP' else ''} tls=false"


def _dealt(dealt: Dealt, dyno: str) -> Iterator[str]:
    """`served` is the variant whose process it was: the control's when the assigned one had none."""
    number = dyno.rpartition(".")[2]
    place = place_of(int(number)) if number.isdecimal() else len(NAMES)
    served = NAMES[place] if place < len(NAMES) else ""
    yield f"exp={dealt.exp} variant={dealt.variant} phase={dealt.phase} bucket={bucket_of(dealt.unit)}"
    yield f"unit={dealt.unit} served={served}"


def _milliseconds(text: str) -> str:
    return "" if text.startswith("-") else f"{text}ms"


def _known(text: str) -> str:
    return "" if text == "-" else text
