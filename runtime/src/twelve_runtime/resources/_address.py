"""A resource's URL taken apart. What is said of a bad one never quotes it: a password may stand anywhere in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from twelve_runtime.errors import BadUrl
from twelve_runtime.redaction import MASK, mask


class Secret(Protocol):
    """Pydantic's secret types, so also the URLs of a Config."""

    def get_secret_value(self) -> str: ...


@dataclass(frozen=True)
class Address:
    scheme: str
    user: str
    password: str = field(repr=False)
    host: str
    port: int | None
    path: str
    query: Mapping[str, str] = field(repr=False)
    url: str = field(repr=False)

    def where(self, kind: str) -> str:
        """For people: `PostgreSQL at db.example:5432/notes`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port else ""
        return f"{kind} at {host}{port}{mask(self.path)}"

    def clean(self, error: BaseException) -> str:
        """The first line of an error without what this URL keeps secret."""
        text = str(error).strip().partition("\n")[0] or type(error).__name__
        for secret in sorted({self.url, self.password, _raw_password(self.url)} - {""}, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return mask(text)


def reveal(url: str | Secret) -> str:
    return url if isinstance(url, str) else url.get_secret_value()


def parse(url: str | Secret, kind: str, schemes: tuple[str, ...]) -> Address:
    """`kind` is the server's name for people."""
    text = reveal(url)
    wanted = f"a URL of {kind} begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    try:
        parts = urlsplit(text)
        port = None if "," in parts.netloc else parts.port  # several hosts: the driver reads them
    except ValueError:
        raise BadUrl(f"The URL cannot be read; {wanted}, then USER:PASSWORD@HOST:PORT.") from None
    if not parts.scheme or "://" not in text:
        raise BadUrl(f"That is no URL; {wanted}.")
    if parts.scheme not in schemes:
        raise BadUrl(f"The URL is one of {parts.scheme}://; {wanted}.")
    return Address(
        scheme=parts.scheme,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        host=parts.hostname or "",
        port=port,
        path=parts.path,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        url=text,
    )


def is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _raw_password(url: str) -> str:
    login = url.partition("://")[2].partition("/")[0].rpartition("@")[0]
    return login.partition(":")[2]
