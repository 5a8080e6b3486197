"""What an upload is measured by while it passes: its size, its type, whether all of it came."""

import codecs
import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

HEAD = 512  # bytes that show what a file is
# Where a file's first bytes say what it is: (offset, bytes), any of them.
SIGNS: dict[str, list[tuple[int, bytes]]] = {
    "image/png": [(0, b"\x89PNG\r\n\x1a\n")],
    "image/jpeg": [(0, b"\xff\xd8\xff")],
    "image/gif": [(0, b"GIF87a"), (0, b"GIF89a")],
    "image/webp": [(8, b"WEBP")],
    "image/avif": [(4, b"ftypavif"), (4, b"ftypavis")],
    "application/pdf": [(0, b"%PDF-")],
    "application/zip": [(0, b"PK\x03\x04"), (0, b"PK\x05\x06")],
    "application/gzip": [(0, b"\x1f\x8b")],
    "video/mp4": [(4, b"ftyp")],
    "video/webm": [(0, b"\x1a\x45\xdf\xa3")],
    "audio/mpeg": [(0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\xff\xf2")],
    "audio/wav": [(8, b"WAVE")],
    "audio/ogg": [(0, b"OggS")],
}
TEXT = frozenset({"application/json", "application/xml", "image/svg+xml"})  # and all of text/


class UploadRefused(Exception):
    """`status` is what an HTTP answer says."""

    status = 400


class TooLarge(UploadRefused):
    status = 413


class WrongType(UploadRefused):
    status = 415


class CutOff(UploadRefused):
    status = 400


class NoUpload(UploadRefused):
    status = 404


class Gauge:
    """Looks at what passes: how much, of which type, whether all came."""

    def __init__(self, content_type: str, largest: int, length: int | None) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.textual = content_type.startswith("text/") or content_type in TEXT
        self.known = False
        self._content_type = content_type
        self._largest = largest
        self._length = length
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    @property
    def sure(self) -> bool:
        """The rest cannot change what is known of the type."""
        return self.known and not self.textual

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._take(chunk)
            yield chunk
        self._end()

    async def through_async(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._take(chunk)
            yield chunk
        self._end()

    def _take(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self.digest.update(chunk)
        if self.size > self._largest:
            raise TooLarge(f"A file may have {self._largest} bytes.")
        if self.textual:
            self._read(chunk, final=False)
        if not self.known:
            self._head += chunk[: HEAD - len(self._head)]
            if len(self._head) >= HEAD:
                self._recognise()

    def _end(self) -> None:
        if self._length is not None and self.size != self._length:
            raise CutOff(f"{self.size} of {self._length} bytes came.")
        if self.textual:
            self._read(b"", final=True)
        if not self.known:
            self._recognise()

    def _read(self, chunk: bytes, *, final: bool) -> None:
        try:
            text = self._decoder.decode(chunk, final)
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise WrongType(f"The file is no text, as {self._content_type} is.")

    def _recognise(self) -> None:
        signs = SIGNS.get(self._content_type)
        if signs and not any(self._head.startswith(sign, at) for at, sign in signs):
            raise WrongType(f"The file does not begin as {self._content_type} does.")
        self.known = True
