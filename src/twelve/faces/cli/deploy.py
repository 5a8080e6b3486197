"""Sends a codebase to the server and shows what becomes of it: the client's half of a deploy."""

import hashlib
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from twelve.core.errors import Conflict, NotFound, PlatformError, SourceError
from twelve.core.formats import dotenv
from twelve.faces.cli.client import Client, restored
from twelve.faces.cli.tell import Told

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Codebase:
    """Where the code is: a directory, a tarball, or a ref of the git checkout in `place`."""

    place: Path
    ref: str | None = None

    @property
    def is_directory(self) -> bool:
        return self.place.is_dir()

    def dotenv(self) -> dict[str, str] | None:
        """The development .env beside the code; a tarball has none."""
        file = self.place / ".env"
        return dotenv.load(file.read_bytes(), str(file)) if self.is_directory and file.is_file() else None


@dataclass(frozen=True, slots=True)
class Packed:
    file: BinaryIO
    size: int
    digest: str
    commit: str | None


def pack(code: Codebase) -> Packed:
    """The codebase as one file without a name, ready to be sent."""
    spool = cast("BinaryIO", tempfile.TemporaryFile(prefix="twelve-source-"))  # noqa: SIM115 - `send` closes it
    commit = _write(code, spool)
    return Packed(spool, spool.tell(), _digest(spool), commit)


def _write(code: Codebase, spool: BinaryIO) -> str | None:
    from twelve.stages.source import pack as packing

    if code.ref is not None:
        return packing.pack_ref(code.place, code.ref, spool).commit
    if code.is_directory:
        return packing.pack(code.place, spool).commit
    with _opened(code.place) as tarball:
        while chunk := tarball.read(CHUNK):
            spool.write(chunk)
    return None


def _opened(place: Path) -> BinaryIO:
    try:
        return place.open("rb")
    except OSError as error:
        raise SourceError(
            f"{place} cannot be read: {error.strerror}.", hint="Name a directory or a tarball."
        ) from error


def _digest(spool: BinaryIO) -> str:
    spool.seek(0)
    digest = hashlib.file_digest(spool, "sha256").hexdigest()  # type: ignore[arg-type]  # any seekable binary file will do
    spool.seek(0)
    return digest


def send(client: Client, app: str, source: Packed, env: dict[str, str] | None, *, candidate: bool = False) -> None:
    """One deploy, until it serves. The packed source is gone afterwards."""
    with source.file:
        build = begin(client, app, source, env, candidate=candidate)
    follow(client, app, build)


def ensure_app(client: Client, name: str) -> None:
    try:
        client.get(f"/apps/{name}")
    except NotFound:
        with suppress(Conflict):  # another `up` was quicker
            client.post("/apps", {"name": name})


def begin(client: Client, app: str, source: Packed, env: dict[str, str] | None, *, candidate: bool = False) -> Any:
    """Upload and start; gives the API's build."""
    blob = client.post("/sources")["source_blob"]
    client.upload(blob["put_url"], source.file, source.size)
    body = {"source_blob": {"url": blob["get_url"], "version": source.commit}, "provision": not candidate}
    body |= {"candidate": True} if candidate else {}
    return client.post(f"/apps/{app}/builds", body | ({} if env is None else {"dotenv": env}))


def follow(client: Client, app: str, build: Any) -> None:
    """Shows the build and the deploy as they go; raises what they failed with, which the output has told already."""
    for chunk in client.stream(build["output_stream_url"]):
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
    ended = client.get(f"/apps/{app}/builds/{build['id']}")
    if failure := ended.get("failure"):
        raise Told(failure["message"], restored(failure["message"], failure).exit_code)
    if ended["status"] != "succeeded":
        raise PlatformError("The deploy was interrupted.", hint="Run `twelve up` again.")
