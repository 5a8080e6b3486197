"""The URL of a drain: read once, and shown without what must stay secret in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from twelve.core.errors import UsageError

PORTS = {"syslog": 514, "syslog+tls": 6514, "http": 80, "https": 443, "otlp+http": 4318, "otlp+https": 443}
STANDARD_PORTS = PORTS | {"otlp+http": 80}  # the one a Host header leaves out
ENCRYPTED = {"syslog+tls", "https", "otlp+https"}
OTLP = {"otlp+http", "otlp+https"}
HTTP = {"http", "https", *OTLP}
OTLP_PATH = "/v1/logs"
LONGEST = 2048
HIDDEN = "***"
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True)
class DrainUrl:
    """`target` is what an HTTP request asks for, path and query. Without a user there are no credentials.

    `headers` are those of the fragment, "#name=value,name=value" as OTEL_EXPORTER_OTLP_HEADERS has them: for OTLP only.
    """

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def is_http(self) -> bool:
        return self.scheme in HTTP

    @property
    def is_otlp(self) -> bool:
        return self.scheme in OTLP

    @property
    def is_encrypted(self) -> bool:
        return self.scheme in ENCRYPTED

    @property
    def authority(self) -> str:
        """Host and port, as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == STANDARD_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What may be told in a log: no credentials, no path, which may be a secret too."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"


def parse(url: str) -> DrainUrl:
    """Errors never repeat the URL: it may hold a password."""
    parts, port = _split(url)
    user = None if parts.username is None else unquote(parts.username)
    otlp = parts.scheme in OTLP
    path = OTLP_PATH if otlp and parts.path in {"", "/"} else parts.path or "/"
    target = path + (f"?{parts.query}" if parts.query else "")
    headers = tuple(_headers(parts.fragment)) if otlp else ()
    return DrainUrl(parts.scheme, parts.hostname or "", port, target, user, unquote(parts.password or ""), headers)


def shown(url: str) -> str:
    """For listings: user, password, query and headers hidden."""
    parts, _ = _split(url)
    _, at, place = parts.netloc.rpartition("@")
    netloc = f"{HIDDEN}@{place}" if at else place
    hidden = {name: HIDDEN for name in ("query", "fragment") if getattr(parts, name)}
    return parts._replace(netloc=netloc, **hidden).geturl()


def _headers(fragment: str) -> Iterator[tuple[str, str]]:
    for pair in filter(None, fragment.split(",")):
        name, equals, value = pair.partition("=")
        name, value = unquote(name).strip(), unquote(value).strip()
        if not equals or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise UsageError("What follows # in this drain's URL are headers: name=value,name=value.")
        yield name, value


def _split(url: str) -> tuple[SplitResult, int]:
    if len(url) > LONGEST or any(not "!" <= character <= "~" for character in url):
        raise UsageError(
            f"The URL of a drain has at most {LONGEST} characters, printable ASCII ones.",
            hint="Percent-encode the others.",
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError("The URL of this drain cannot be read: its host or port is wrong.") from None
    if parts.scheme not in PORTS:
        raise UsageError(
            "A drain's URL begins with syslog://, syslog+tls://, https://, http://, otlp+https:// or otlp+http://."
        )
    if not parts.hostname or port == 0:
        raise UsageError("The URL of this drain names no host and port to send to.")
    return parts, port or PORTS[parts.scheme]
