"""Where a store is, from its URL: a directory, or a bucket with what is needed to speak to it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from twelve_runtime.artifacts.errors import StoreUnusable

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
HTTPS = 443
ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT")
ROLES = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")


@dataclass(frozen=True, slots=True)
class Directory:
    path: Path


@dataclass(frozen=True, slots=True)
class Bucket:
    """Without a key the machine's role is asked for one; `endpoint` is None for AWS itself."""

    name: str
    prefix: str = ""
    endpoint: str | None = None
    region: str = "us-east-1"
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)


def place(url: str, environ: Mapping[str, str], *, roles: bool) -> Directory | Bucket:
    """`s3://key:secret@host:port/bucket/prefix`, `s3://bucket/prefix?endpoint_url=…`, `file:///dir`.

    What is wrong is said without the URL: it may hold a secret. `roles`: credentials may be those of this machine.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StoreUnusable("The URL of the model store is malformed.") from None
    if parts.scheme == "file" and parts.hostname in {None, "localhost"} and len(parts.path) > 1:
        return Directory(Path(unquote(parts.path)))
    if parts.scheme != "s3" or not parts.hostname:
        raise StoreUnusable("The URL of a model store is s3://… or file:///DIRECTORY.")
    found = _addressed(parts) if "@" in parts.netloc or port is not None else _named(parts, environ)
    return _with_credentials(found, environ, roles=roles)


def shown(found: Directory | Bucket) -> str:
    """A store as people may see it."""
    if isinstance(found, Directory):
        return f"file://{found.path}"
    return "/".join(filter(None, [f"s3://{found.name}", found.prefix]))


def _addressed(parts: SplitResult) -> Bucket:
    """The URL names the server. Plain HTTP where it names a port, as stores inside a machine or a cluster do."""
    name, _, prefix = unquote(parts.path).lstrip("/").partition("/")
    host = parts.hostname or ""
    insecure = host in LOOPBACK or parts.port not in {None, HTTPS}
    scheme = _query(parts, "scheme") or ("http" if insecure else "https")
    host = f"[{host}]" if ":" in host else host
    address = f"{scheme}://{host}:{parts.port}" if parts.port else f"{scheme}://{host}"
    return Bucket(
        _bucket(name),
        prefix.strip("/"),
        _reachable(address),
        _query(parts, "region") or "us-east-1",
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
    )


def _named(parts: SplitResult, environ: Mapping[str, str]) -> Bucket:
    """The URL names the bucket; where it is comes from the query or the usual variables."""
    endpoint = _query(parts, "endpoint_url") or next((environ[key] for key in ENDPOINTS if environ.get(key)), None)
    region = _query(parts, "region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    prefix = unquote(parts.path).strip("/")
    return Bucket(_bucket(parts.netloc), prefix, _reachable(endpoint) if endpoint else None, region)


def _with_credentials(found: Bucket, environ: Mapping[str, str], *, roles: bool) -> Bucket:
    if found.key and found.secret:
        return found
    key, secret = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        token = environ.get("AWS_SESSION_TOKEN") or None
        return Bucket(found.name, found.prefix, found.endpoint, found.region, key, secret, token)
    if roles and any(environ.get(name) for name in ROLES):
        return found
    raise StoreUnusable(
        "The model store has no credentials: put them into its URL, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


def _query(parts: SplitResult, key: str) -> str | None:
    return next(iter(parse_qs(parts.query).get(key, [])), None)


def _bucket(name: str) -> str:
    if BUCKET.fullmatch(name):
        return name
    raise StoreUnusable("The URL of the model store names no bucket.")


def _reachable(endpoint: str) -> str:
    """Link-local addresses are those of a machine's own credentials."""
    try:
        parts = urlsplit(endpoint)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        host = ""
    if not host or parts.scheme not in {"http", "https"}:
        raise StoreUnusable("The endpoint of the model store is not an http:// or https:// address.")
    try:
        forbidden = ip_address(host).is_link_local
    except ValueError:
        forbidden = False
    if forbidden:
        raise StoreUnusable("The endpoint of the model store is a link-local address.")
    return endpoint.rstrip("/")
