"""A service that runs elsewhere, given by its URL: to an app there is no difference."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from twelve.core.errors import UsageError
from twelve.core.model import ConfigVars
from twelve.core.ports import PlatformProcess

KEYED = re.compile(r"([A-Z][A-Z0-9_]*)=(.*)", re.DOTALL)


class UrlProvider:
    name = "url"
    default_attachment = "SERVICE"

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        """It is somebody else's server."""

    def stop(self) -> None:
        """It is somebody else's server."""

    def release(self) -> None:
        """It is somebody else's server."""

    def create(self, resource: str) -> ConfigVars:
        """From a URL, or KEY=URL to be found under exactly that key. The URL's shape is checked, never its server."""
        found = KEYED.fullmatch(resource)
        key, url = found.groups() if found else ("", resource)
        _check(key, url)
        return ConfigVars({"key": key, "url": url} if key else {"url": url})

    def destroy(self, details: Mapping[str, str]) -> None:
        """It stays where it is."""

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        key = details.get("key", "")
        own = key if key.removesuffix("_URL") == attachment else f"{attachment}_URL"
        return {own: details["url"]}

    def keys(self, attachment: str) -> frozenset[str]:
        return frozenset({f"{attachment}_URL"})

    def version(self) -> str:
        return "a given URL"

    def processes(self) -> list[PlatformProcess]:
        return []


def _check(key: str, url: str) -> None:
    """What is wrong is said without the URL itself: it may hold a password."""
    name = key or "The URL"
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        raise UsageError(f"{name} contains a space or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(f"{name} is not a URL: its host or its port is malformed.") from None
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", parts.scheme) or "://" not in url:
        raise UsageError(f"{name} is not a URL: it must begin with a scheme such as postgres://.")
    if not parts.hostname and port is None and not parts.path.strip("/"):
        raise UsageError(f"{name} names no host.")
