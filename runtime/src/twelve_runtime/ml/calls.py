"""What a request says about itself: its id, and its place in an experiment, from the router or, without one, by the
formula from the unit it carries.
"""

import os
import time
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from twelve_runtime.ml import assign
from twelve_runtime.ml.assign import Experiment
from twelve_runtime.ml.model import Call

LONGEST = 128  # characters of what a client or the router says

Headers = Mapping[bytes, bytes]


def new(headers: Headers) -> Call:
    prediction_id = identity()
    return Call(
        request_id=_text(headers, b"x-request-id") or prediction_id,
        prediction_id=prediction_id,
        experiment=_text(headers, b"x-twelve-experiment"),
        variant=_text(headers, b"x-twelve-variant"),
        phase=_text(headers, b"x-twelve-phase"),
        unit_hash=_text(headers, b"x-twelve-unit-hash"),
        release=_text(headers, b"x-twelve-release"),
        shadow=b"x-twelve-shadow" in headers,
        begun=time.perf_counter(),
    )


def identity() -> str:
    """A UUID, version 4; the same as uuid.uuid4() at a third of its cost."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def enroll(call: Call, experiment: Experiment, headers: Headers, query: bytes, document: Any) -> None:
    """Without a unit the request is the control's and no part of the experiment."""
    call.experiment = call.phase = call.unit_hash = call.variant = None
    if unit := _unit(experiment, headers, query, document):
        call.experiment, call.variant = experiment.salt, experiment.variant(unit).name
        call.unit_hash = assign.unit_hash(experiment.salt, unit)


def _unit(experiment: Experiment, headers: Headers, query: bytes, document: Any) -> str:
    key = experiment.key
    match experiment.source:
        case "header":
            return headers.get(key.lower().encode(), b"").decode("utf-8", "surrogateescape")
        case "cookie":
            return _cookie(headers, key)
        case "query":
            return parse_qs(query.decode("latin-1")).get(key, [""])[0]
        case "json":
            return _pointed(document, key)


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(name)
    except CookieError:
        return ""
    return found.value if found else ""


def _pointed(document: Any, path: str) -> str:
    """`$.user.id` as HAProxy's json_query gives it: strings and numbers, nothing else."""
    for part in path.removeprefix("$").strip(".").split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return str(document) if isinstance(document, str | int | float) and not isinstance(document, bool) else ""


def _text(headers: Headers, name: bytes) -> str | None:
    value = headers.get(name)
    if not value:
        return None
    text = value.decode("latin-1")
    return text[:LONGEST] if text.isascii() and text.isprintable() else None
