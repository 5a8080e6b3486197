"""The URL of a drain: read once, and shown without what must stay secret in it."""

from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from twelve.core.errors import UsageError

PORTS = {"syslog": 514, "syslog+tls": 6514, "http": 80, "https": 443}
ENCRYPTED = {"syslog+tls", "https"}
HTTP = {"http", "https"}
LONGEST = 2048
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class DrainUrl:
    """`target` is what an HTTP request asks for, path and query. Without a user there are no credentials."""

    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    user: str | None = field(repr=False)
    password: str = field(repr=False)

    @property
    def is_http(self) -> bool:
        return self.scheme in HTTP

    @property
    def is_encrypted(self) -> bool:
        return self.scheme in ENCRYPTED

    @property
    def authority(self) -> str:
        """Host and port, as a Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """What may be told in a log: no credentials, no path, which may be a secret too."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}/"


def parse(url: str) -> DrainUrl:
    """Errors never repeat the URL: it may hold a password."""
    parts, port = _split(url)
    user = None if parts.username is None else unquote(parts.username)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return DrainUrl(parts.scheme, parts.hostname or "", port, target, user, unquote(parts.password or ""))


def shown(url: str) -> str:
    """For listings: user, password and query hidden."""
    parts, _ = _split(url)
    _, at, place = parts.netloc.rpartition("@")
    netloc = f"{HIDDEN}@{place}" if at else place
    return parts._replace(netloc=netloc, query=HIDDEN if parts.query else "").geturl()


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
        raise UsageError("A drain's URL begins with syslog://, syslog+tls://, https:// or http://.")
    if not parts.hostname or port == 0:
        raise UsageError("The URL of this drain names no host and port to send to.")
    return parts, port or PORTS[parts.scheme]
