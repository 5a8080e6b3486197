"""Factors IV and VI: what people upload goes straight to the object store, and nothing of it to this machine.

uploads = Uploads(s3.store(settings.s3_url), "avatars", types={"image/png", "image/jpeg"}, largest=5_000_000)
kept = uploads.receive("me.png", "image/png", request.stream)      # through this process, in pieces
offer = uploads.offer("film.mp4", "video/mp4")                     # or past it: the browser sends it itself,
kept = uploads.accept(offer.key)                                   # and this looks at what came
"""

import re
import secrets
import unicodedata
from collections.abc import AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from twelve_runtime._extras import needs
from twelve_runtime._gauge import CutOff, Gauge, NoUpload, TooLarge, UploadRefused, WrongType

with needs("uploads", "obstore", "s3"):
    import obstore
    from obstore.exceptions import NotFoundError
    from obstore.store import S3Store

__all__ = ["CutOff", "NoUpload", "Offer", "TooLarge", "Upload", "UploadRefused", "Uploads", "WrongType", "safe_name"]

ABSENT = (FileNotFoundError, NotFoundError)
INCOMING = ".incoming"
LONGEST_NAME = 100
PIECE = 1_048_576


@dataclass(frozen=True, slots=True)
class Upload:
    """`key` is its place in the store; `sha256` of what came through this process, None of what went past it."""

    key: str
    name: str
    content_type: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """PUT the file to `url` with `headers`, then tell the app the `key`."""

    url: str
    headers: dict[str, str]
    key: str
    method: str = "PUT"


class Uploads:
    """Everything is below `prefix`, under a random name of its own: nothing is overwritten, and no name leads out."""

    def __init__(self, store: S3Store, prefix: str, *, types: Iterable[str], largest: int) -> None:
        self._store = store
        self._prefix = prefix.strip("/")
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*", self._prefix):
            raise ValueError(f"A prefix is names of letters, digits, - and _ with / between them, not {prefix!r}.")
        self._types = frozenset(types)
        self._largest = largest
        self._form = re.compile(rf"{re.escape(self._prefix)}(/{re.escape(INCOMING)})?/[0-9a-f]{{32}}/[^/]+")

    def receive(self, name: str, content_type: str, chunks: Iterable[bytes], *, length: int | None = None) -> Upload:
        """In pieces, as they come. Whatever goes wrong on the way, nothing is left in the store.

        `length` is what the sender announced: servers of WSGI end a stream that was cut off as if it were whole.
        """
        content_type, gauge = self._gauge(content_type, length)
        key = self._key(name)
        obstore.put(self._store, key, gauge.through(chunks), attributes=self._attributes(key, content_type))
        return Upload(key, _name(key), content_type, gauge.size, gauge.digest.hexdigest())

    async def receive_async(
        self, name: str, content_type: str, chunks: AsyncIterable[bytes], *, length: int | None = None
    ) -> Upload:
        """The same for `request.stream()` of Starlette and FastAPI."""
        content_type, gauge = self._gauge(content_type, length)
        key = self._key(name)
        attributes = self._attributes(key, content_type)
        await obstore.put_async(self._store, key, gauge.through_async(chunks), attributes=attributes)
        return Upload(key, _name(key), content_type, gauge.size, gauge.digest.hexdigest())

    def offer(self, name: str, content_type: str, *, seconds: float = 600) -> Offer:
        """A place that takes one file for a while. Size and type are looked at by `accept`: a signature of S3's PUT
        binds neither.
        """
        content_type = self._allowed(content_type)
        key = self._key(name, INCOMING)
        url = obstore.sign(self._store, "PUT", key, timedelta(seconds=seconds))
        return Offer(url, self._attributes(key, content_type), key)

    def accept(self, key: str) -> Upload:
        """What came is moved to where nobody can write any more, then looked at; what is refused is taken away.

        Again with the same key, it gives the same answer.
        """
        target = self._target(key)
        try:
            if obstore.head(self._store, key)["size"] <= self._largest:
                obstore.copy(self._store, key, target)
            else:
                self._take_away(key)
                raise TooLarge(self._too_large())
        except ABSENT:
            return self._look(target)
        try:
            found = self._look(target)
        except UploadRefused:
            self._take_away(target, key)
            raise
        self._take_away(key)
        return found

    def link(self, key: str, *, seconds: float = 300) -> str:
        """For a browser to fetch it past this process."""
        return obstore.sign(self._store, "GET", self._inside(key), timedelta(seconds=seconds))

    def open(self, key: str) -> Iterator[bytes]:
        """In pieces."""
        try:
            found = obstore.get(self._store, self._inside(key))
        except ABSENT:
            raise NoUpload(f"There is no upload {key}.") from None
        return (bytes(piece) for piece in found.stream(min_chunk_size=PIECE))

    def delete(self, key: str) -> None:
        self._take_away(self._inside(key))

    def sweep(self, *, seconds: float = 86_400) -> int:
        """A job for the clock: what was sent to an offer so long ago and never accepted. Gives how many."""
        before = datetime.now(UTC) - timedelta(seconds=seconds)
        swept = 0
        for found in obstore.list(self._store, f"{self._prefix}/{INCOMING}"):
            old = [each["path"] for each in found if each["last_modified"] <= before]
            if old:
                self._take_away(*old)
            swept += len(old)
        return swept

    def _gauge(self, content_type: str, length: int | None) -> tuple[str, Gauge]:
        content_type = self._allowed(content_type)
        if length is not None and length > self._largest:
            raise TooLarge(self._too_large())
        return content_type, Gauge(content_type, self._largest, length)

    def _allowed(self, content_type: str) -> str:
        """Without what a browser may say about it besides, as the encoding of a text."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind in self._types:
            return kind
        raise WrongType(f"Files of type {kind!r} are not taken; {', '.join(sorted(self._types))} are.")

    def _key(self, name: str, *below: str) -> str:
        return "/".join([self._prefix, *below, secrets.token_hex(16), safe_name(name)])

    def _inside(self, key: str) -> str:
        if not self._form.fullmatch(key):
            raise NoUpload(f"{key!r} is no upload of {self._prefix}.")
        return key

    def _target(self, key: str) -> str:
        if not (matched := self._form.fullmatch(key)) or not matched[1]:
            raise NoUpload(f"{key!r} was not offered.")
        return self._prefix + key.removeprefix(f"{self._prefix}/{INCOMING}")

    def _look(self, key: str) -> Upload:
        try:
            found = obstore.get(self._store, key)
        except ABSENT:
            raise NoUpload(f"Nothing came to {key}.") from None
        size, sent = found.meta["size"], found.attributes
        if size > self._largest:
            raise TooLarge(self._too_large())
        content_type = self._allowed(str(sent.get("Content-Type", "")))
        if sent.get("Content-Disposition") != self._attributes(key, content_type)["Content-Disposition"]:
            raise WrongType("The file has to be sent with the headers of its offer.")
        gauge = Gauge(content_type, self._largest, size)
        for _ in gauge.through(bytes(piece) for piece in found.stream(min_chunk_size=PIECE)):
            if gauge.sure:
                break
        return Upload(key, _name(key), content_type, size)

    def _take_away(self, *keys: str) -> None:
        obstore.delete(self._store, list(keys))

    def _attributes(self, key: str, content_type: str) -> dict[str, str]:
        """As a download, never as a page of ours: what people upload is not to run under our name."""
        return {
            "Content-Type": content_type,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(_name(key), safe='')}",
        }

    def _too_large(self) -> str:
        return f"A file may have {self._largest} bytes."


def safe_name(name: str) -> str:
    """The last part of a path of any system, in letters, digits and a few signs; never empty, hidden or long."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFKC", name))[-1]
    plain = re.sub(r"[^\w.-]+", "_", last).strip("._-") or "file"
    stem, dot, ending = plain.rpartition(".")
    if not dot or len(ending) > 10:
        return plain[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"


def _name(key: str) -> str:
    return key.rpartition("/")[2]
