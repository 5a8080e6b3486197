"""The router's line in the log, made of what the front door prints. Pure.

Raw: `>SLOT TERM ANSWER at=info method=GET path="/" host=... dyno=web.1 connect=0<1>service=12<1>status=200 ...`
TERM is HAProxy's two letters for how it ended, ANSWER what a request met that no process could take ("-": it could).
Almost every line needs no more than its prefix taken off, so that is done for a whole chunk; the others go one by one.
"""

import re
from collections.abc import Callable, Iterator

from twelve.core.policy.codes import H

MILLISECONDS = b"\x01"
PROTOCOL = b"\x02HTTP/"
NORMAL = b" -- - "
SWITCHING = "101"

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

_RAW = re.compile(
    rb">(?P<slot>\S+) (?P<end>..) (?P<answer>\S+) at=info method=(?P<method>\S*) path=\"(?P<path>[^\"]*)\" "
    rb"host=(?P<host>\S*) request_id=(?P<request_id>\S*) fwd=\"(?P<fwd>[^\"]*)\" dyno=(?P<dyno>\S*) "
    rb"connect=(?P<connect>-?\d+)\x01service=(?P<service>-?\d+)\x01status=(?P<status>-?\d+) bytes=(?P<bytes>\d+) "
    rb"protocol=\x02(?P<protocol>\S*) tls=(?P<tls>\w+)(?: agent=(?P<agent>\S*))?"
)
_ESCAPED = re.compile(rb"#([0-9A-F]{2})")


def translate(chunk: bytes, app_of: Callable[[str], str], mode_of: Callable[[str], str]) -> Iterator[tuple[str, bytes]]:
    """App names and their lines, from whole raw lines. `app_of` takes a slot and gives "" for the platform itself."""
    prefix = chunk[: chunk.find(NORMAL) + len(NORMAL)]
    if _all_alike(chunk, prefix):
        yield app_of(_slot(prefix)), _finish(chunk[len(prefix) :].replace(b"\n" + prefix, b"\n"))
        return
    by_app: dict[str, list[bytes]] = {}
    for line in chunk.splitlines():
        if line.startswith(b">"):  # anything else is HAProxy talking about itself
            _one(line, by_app, app_of, mode_of)
    for app, lines in by_app.items():
        yield app, b"\n".join(lines) + b"\n"


def _all_alike(chunk: bytes, prefix: bytes) -> bool:
    """Every line is a normal one of the same app, and none of its requests went by way of `waiting`."""
    return (
        prefix.startswith(b">p")
        and prefix.endswith(NORMAL)
        and b"\n" not in prefix
        and chunk.count(b"\n" + prefix) + 1 == chunk.count(b"\n")
        and b" dyno=waiting " not in chunk
    )


def _one(
    line: bytes, by_app: dict[str, list[bytes]], app_of: Callable[[str], str], mode_of: Callable[[str], str]
) -> None:
    head, normal, text = line.partition(NORMAL)
    if normal and head.startswith(b">p") and b" dyno=waiting " not in text:
        app, result = app_of(_slot(head)), _finish(text)
    else:
        raw = _RAW.fullmatch(line)
        if raw is None or _told_behind(raw):
            return
        app = app_of(raw["slot"].decode())
        result = line_of(raw, mode_of(app)).encode()
    by_app.setdefault(app, []).append(result)


def _slot(prefix: bytes) -> str:
    return prefix[1:].partition(b" ")[0].decode()


def _told_behind(raw: "re.Match[bytes]") -> bool:
    """A request that went by way of `waiting` is told about there, where it is known what it met."""
    by_way = raw["slot"] == b"waiting" or (raw["dyno"] == b"waiting" and raw["answer"] == b"-")
    return by_way and raw["end"][:1] in b"-Cc"


def _finish(lines: bytes) -> bytes:
    lines = lines.replace(MILLISECONDS, b"ms ").replace(PROTOCOL, b"http")
    if b": connect=" in lines:  # the label of a process whose namesake is being replaced
        lines = re.sub(rb":+ connect=", b" connect=", lines)
    return _percent_encoded(lines) if b"#" in lines else lines


def _percent_encoded(lines: bytes) -> bytes:
    return _ESCAPED.sub(rb"%\1", lines)


def code_of(end: str, answer: str, dyno: str, status: str, mode: str) -> str | None:
    """The H-code of a request, None when all went well."""
    if answer in BY_ANSWER:
        return BY_ANSWER[answer]
    if end.startswith("-") or (status == SWITCHING and end in TUNNEL_ENDS):
        return None
    if end in {"SC", "sQ"} and (not dyno or end == "sQ") and mode in BY_ANSWER:
        return BY_ANSWER[mode]
    if status == SWITCHING and end in {"cD", "sD"}:
        return "H15"
    return BY_END.get(end, "H99")


def line_of(raw: "re.Match[bytes]", mode: str) -> str:
    field = {name: (value or b"").decode(errors="replace") for name, value in raw.groupdict().items()}
    dyno = "" if field["dyno"].startswith("<") or field["dyno"] == "waiting" else field["dyno"].rstrip(":")
    code = code_of(field["end"], field["answer"], dyno, field["status"], mode)
    return " ".join([*_what(code, field), *_request(field), *_served(code, dyno, field), *_carried(field)])


def _what(code: str | None, field: dict[str, str]) -> Iterator[str]:
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
        yield f'agent="{field["agent"]}"'


def _request(field: dict[str, str]) -> Iterator[str]:
    bad = field["method"].startswith("<")
    path = _percent_encoded(field["path"].encode()).decode() if not bad else ""
    yield f'method={"" if bad else field["method"]} path="{path}" host={_known(field["host"])}'
    yield f'request_id={_known(field["request_id"])} fwd="{field["fwd"]}"'


def _served(code: str | None, dyno: str, field: dict[str, str]) -> Iterator[str]:
    status = field["status"]
    size = field["bytes"]
    if code is not None and code not in ANSWERED:
        status, size = str(H[code].status or ""), "0" if dyno else ""
    elif code in {"H27", "H28"}:
        status = str(H[code].status)
    connect, service = (_milliseconds(field[name]) if dyno else "" for name in ("connect", "service"))
    yield f"dyno={dyno} connect={connect} service={service} status={status} bytes={size}"


def _carried(field: dict[str, str]) -> Iterator[str]:
    name, _, version = field["protocol"].partition("/")
    yield f"protocol={f'http{version}' if name == 'HTTP' else ''} tls={field['tls']}"


def _milliseconds(text: str) -> str:
    return "" if text.startswith("-") else f"{text}ms"


def _known(text: str) -> str:
    return "" if text == "-" else text
