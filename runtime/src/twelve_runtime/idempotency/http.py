"""The `Idempotency-Key` header, as draft-ietf-httpapi-idempotency-key-header has it, without any framework.

400 no key where one is needed, or none that can be read; 409 the first is still at it; 422 it is another request's.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie

from twelve_runtime.idempotency.codec import fingerprint
from twelve_runtime.idempotency.errors import BadKey, Busy, Conflict, IdempotencyError, Lost, NotDone, Unknown
from twelve_runtime.idempotency.leases import Leases

HEADER = "idempotency-key"
QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')  # a string of RFC 8941
BARE = re.compile(r"[!#-+\--:<-~]{1,255}")  # what most clients send: printable, without quotes, commas and semicolons
# Says more about the moment than about the request: the client may well ask again with the same key.
NOT_KEPT = frozenset({401, 403, 407, 408, 409, 425, 429})
TITLES: dict[type[IdempotencyError], str] = {
    BadKey: "The Idempotency-Key is missing or malformed",
    Busy: "A request with this Idempotency-Key is being processed",
    Unknown: "A request with this Idempotency-Key was cut off, and its outcome is not known",
    Conflict: "This Idempotency-Key was used for another request",
    Lost: "The request took longer than its lease, and its answer was not kept",
}


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` with lower-case names; `target` is path and query as they came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def line(self) -> str:
        known = self.status in HTTPStatus._value2member_map_
        return f"{self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"


class Unkept(NotDone):
    """The way of an answer that is given, but not kept, out of the block."""

    def __init__(self, response: Response) -> None:
        super().__init__()
        self.response = response


def key(header: str | None) -> str | None:
    """The key of a header's value, quoted or bare; None when there is no header."""
    if header is None:
        return None
    value = header.strip()
    if quoted := QUOTED.fullmatch(value):
        return re.sub(r'\\(["\\])', r"\1", quoted[1])
    if BARE.fullmatch(value):
        return value
    raise BadKey('An Idempotency-Key is a string of 1 to 255 printable characters, as in "8e03978e-40d5".')


def problem(error: IdempotencyError) -> Response:
    """RFC 9457. The detail never repeats a key: an answer may be logged where keys should not be."""
    title = next(
        (text for kind, text in TITLES.items() if isinstance(error, kind)), "The request could not be processed"
    )
    more = {"detail": str(error)} if isinstance(error, BadKey) else {}
    return _problem(error.status, title, more, [("retry-after", "1")] if isinstance(error, Busy) else [])


def too_large(limit: int) -> Response:
    return _problem(413, f"A request with an Idempotency-Key may have {limit} bytes", {}, [])


def cut_off() -> Response:
    return _problem(400, "The request ended before its body was complete", {}, [])


def by_authorization(headers: Mapping[str, str]) -> str:
    """For APIs whose clients send a token with each request: keys of one are nothing to another."""
    return headers.get("authorization", "")


def by_cookie(name: str) -> Callable[[Mapping[str, str]], str]:
    """For pages: keys belong to the browser's session."""

    def caller(headers: Mapping[str, str]) -> str:
        try:
            morsel = SimpleCookie(headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    return caller


@dataclass(frozen=True, slots=True)
class Guard:
    """What both middlewares ask. `caller` says whose key it is: the same key of another caller is another key."""

    leases: Leases
    caller: Callable[[Mapping[str, str]], str]
    required: Callable[[str, str], bool] = field(default=lambda _method, _path: False)
    methods: frozenset[str] = frozenset({"POST", "PATCH"})
    largest: int = 1_048_576

    def key(self, method: str, path: str, headers: Mapping[str, str]) -> str | None:
        """None: this request goes its way as if there were no guard."""
        if method not in self.methods:
            return None
        found = key(headers.get(HEADER))
        if found is None and self.required(method, path):
            raise BadKey("This request needs an Idempotency-Key.")
        return None if found is None else fingerprint(self.caller(headers), found)

    def fingerprint(self, request: Request) -> str:
        return fingerprint(request.method, request.target, request.headers.get("content-type", ""), request.body)

    def keep(self, response: Response) -> bytes:
        """What the others will get. Under "retry" a failure is nobody's answer; under "unknown" nothing runs twice."""
        if response.status in NOT_KEPT or (response.status >= 500 and self.leases.crashed == "retry"):
            raise Unkept(response)
        if len(response.body) > self.largest:
            return encode(_problem(409, "This request was processed; its answer was too large to be kept", {}, []))
        return encode(response)


def encode(response: Response) -> bytes:
    return json.dumps([response.status, response.headers]).encode() + b"\n" + response.body


def replay(answer: bytes) -> Response:
    head, _, body = answer.partition(b"\n")
    status, headers = json.loads(head)
    return Response(status, [*[(name, value) for name, value in headers], ("idempotency-replayed", "true")], body)


def _problem(status: int, title: str, more: Mapping[str, str], headers: Iterable[tuple[str, str]]) -> Response:
    body = json.dumps({"type": "about:blank", "title": title, "status": status, **more}).encode()
    own = [("content-type", "application/problem+json"), ("content-length", str(len(body)))]
    return Response(status, [*own, *headers], body)
