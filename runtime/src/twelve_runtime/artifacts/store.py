"""The object store: any S3 that knows conditional writes, or a directory. Everything in it is written once.

    store = Store.open(os.environ["MODEL_STORE_URL"])

It runs threads of its own, which do not survive a fork: open another one in the child.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused, StoreUnusable
from twelve_runtime.artifacts.places import Bucket, Directory, place, shown

try:
    import obstore
    from obstore import exceptions
    from obstore.store import LocalStore, S3Store
except ImportError as absent:
    raise ImportError(
        "twelve_runtime.artifacts needs obstore and cryptography: install twelve-runtime[artifacts]"
    ) from absent

CHUNK = 8 * 1024 * 1024
SMALL = 1024 * 1024  # a limit for objects of a few words
PATIENCE = {"connect_timeout": "5s", "timeout": "60s"}
RETRIES: Any = {
    "max_retries": 3,
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=2), "base": 2},
    "retry_timeout": timedelta(seconds=20),
}
STATUS = re.compile(r"status(?: code)?:? ?(\d{3})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    size: int
    modified: datetime


class Store:
    """May be used from any thread. `name` is its URL without credentials."""

    def __init__(self, objects: Any, name: str) -> None:
        self._objects = objects
        self.name = name
        self._proven = False

    @classmethod
    def open(cls, url: str, environ: Mapping[str, str] | None = None, *, make: bool = False) -> "Store":
        """`environ`: where credentials may be found, else this process's. `make`: a directory that is not there yet."""
        found = place(url, os.environ if environ is None else environ, roles=environ is None)
        if isinstance(found, Directory):
            return cls(_directory(found, make=make), shown(found))
        return cls(_bucket(found), shown(found))

    def get(self, path: str, limit: int = SMALL) -> bytes:
        """A whole object; Refused when it has more than `limit` bytes, Missing when it is not there."""
        with self._told(path):
            found = obstore.get(self._objects, path)
            if found.meta["size"] > limit:
                raise Refused(f"{path} has {found.meta['size']} bytes, more than the {limit} it may have.")
            return bytes(found.bytes())

    def stream(self, path: str, size: int) -> Iterator[bytes]:
        """An object of exactly `size` bytes, in pieces; nothing is read of one that has another size."""
        entry = self.head(path)
        if entry is None:
            raise Missing(f"{path} is not in {self.name}.")
        if entry.size != size:
            raise Refused(f"{path} has {entry.size} bytes, not {size}.")
        for start in range(0, size, CHUNK):
            with self._told(path):
                piece = bytes(obstore.get_range(self._objects, path, start=start, end=min(start + CHUNK, size)))
            yield piece

    def head(self, path: str) -> Entry | None:
        try:
            with self._told(path):
                return _entry(obstore.head(self._objects, path))
        except Missing:
            return None

    def exists(self, path: str) -> bool:
        return self.head(path) is not None

    def list(self, prefix: str) -> Iterator[Entry]:
        """All objects below a directory, in no order."""
        with self._told(prefix):
            for batch in obstore.list(self._objects, prefix.rstrip("/")):
                yield from map(_entry, batch)

    def create(self, path: str, data: bytes) -> bool:
        """Write once: False, and nothing written, when the object is there already."""
        try:
            with self._told(path):
                obstore.put(self._objects, path, data, mode="create", use_multipart=False)
        except FileExistsError:
            return False
        return True

    def put(self, path: str, data: bytes | Iterator[bytes]) -> None:
        """For what is named by its content: writing it again changes nothing. Whole or not at all."""
        with self._told(path):
            obstore.put(self._objects, path, data)

    def delete(self, path: str) -> None:
        """What is not there is fine."""
        try:
            with self._told(path):
                obstore.delete(self._objects, path)
        except Missing:
            return

    def prove(self) -> None:
        """StoreUnusable when it writes over what is there: numbers and digests would mean nothing in it."""
        if self._proven:
            return
        path = f"probe/{secrets.token_hex(16)}"
        try:
            first, again = self.create(path, b"first"), self.create(path, b"second")
            kept = self.get(path)
        finally:
            with suppress(ArtifactError):  # whoever may write may not always delete
                self.delete(path)
        if not first or again or kept != b"first":
            raise StoreUnusable(
                f"{self.name} writes over objects that exist, so nothing in it stays as it was published; "
                "use a store that honours If-None-Match."
            )
        self._proven = True

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """The library's errors as ours. Their texts stay out: they may hold addresses with credentials."""
        try:
            yield
        except ArtifactError:
            raise
        except (exceptions.NotFoundError, FileNotFoundError):
            raise Missing(f"{path} is not in {self.name}.") from None
        except exceptions.AlreadyExistsError:
            raise FileExistsError(path) from None
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError):
            raise StoreUnusable(f"{self.name} refuses these credentials.") from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise StoreUnusable(f"{self.name} cannot be used: {_reason(error)}.") from None


def _entry(meta: Any) -> Entry:
    return Entry(str(meta["path"]), int(meta["size"]), meta["last_modified"])


def _directory(found: Directory, *, make: bool) -> LocalStore:
    if not found.path.is_dir() and not make:
        raise StoreUnusable(f"The model store {found.path} is not a directory.")
    try:
        return LocalStore(found.path, mkdir=make)
    except (exceptions.BaseError, OSError):
        raise StoreUnusable(f"The model store {found.path} cannot be used as a directory.") from None


def _bucket(found: Bucket) -> S3Store:
    """The library takes from the environment whatever it is not told, so it is told everything."""
    client: Any = PATIENCE | {"allow_http": (found.endpoint or "").startswith("http://")}
    endpoint = found.endpoint or _amazon(found.region)
    config: Any = {
        "region": found.region,
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,  # goes before the other
        "virtual_hosted_style_request": False,
        "skip_signature": False,
        "s3_express": False,
        "conditional_put": "etag",
    }
    build: Any = S3Store
    own = {"credential_provider": _credentials(found)} if found.key else {}
    try:
        return cast(
            "S3Store",
            build(
                found.name,
                prefix=found.prefix or None,
                config=config,
                client_options=client,
                retry_config=RETRIES,
                **own,
            ),
        )
    except (exceptions.BaseError, ValueError):
        raise StoreUnusable(f"{shown(found)} is not a bucket that can be opened.") from None


def _amazon(region: str) -> str:
    return f"https://s3.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _credentials(found: Bucket) -> Callable[[], dict[str, object]]:
    """As a function: a session token of the environment would be sent along with a key that is given."""
    given = {"access_key_id": found.key, "secret_access_key": found.secret, "token": found.token, "expires_at": None}
    return lambda: {key: value for key, value in given.items() if value is not None or key == "expires_at"}


def _reason(error: Exception) -> str:
    said = str(error)
    if status := STATUS.search(said):
        return f"it answered with status {status[1]}"
    if "error sending request" in said or "onnect" in said:
        return "nobody answers there"
    return f"the request failed ({type(error).__name__})"
