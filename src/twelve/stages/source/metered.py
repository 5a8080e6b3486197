"""An upload as a stream that counts what comes out of it: a bomb is refused before it is on the disk."""

import bz2
import gzip
import lzma
from pathlib import Path
from typing import IO, cast

from twelve.core.errors import HostileArchive

MAX_BYTES = 2 << 30
MAX_RATIO = 200
RATIO_FROM = 64 << 20  # below it any ratio is harmless, and real text reaches high ones
MAX_HEADER = 1 << 20


class Metered:
    """Reads the unpacked bytes of a file and refuses too many of them, or too many for the size of the file."""

    def __init__(self, upload: Path) -> None:
        self._file = _open(upload)
        self._packed = max(upload.stat().st_size, 1)
        self._read = 0
        self._header_ends: int | None = MAX_HEADER  # opening an archive reads the first one

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._read += len(data)
        if self._read > MAX_BYTES:
            raise HostileArchive(f"The archive unpacks to more than {MAX_BYTES >> 30} GiB; it was not unpacked.")
        if self._read > RATIO_FROM and self._read > MAX_RATIO * self._packed:
            raise HostileArchive(f"The archive unpacks to more than {MAX_RATIO} times its size; it was not unpacked.")
        if self._header_ends is not None and self._read > self._header_ends:
            raise HostileArchive("The archive has an entry whose header is larger than 1 MiB; it was not unpacked.")
        return data

    def header(self) -> None:
        """What is read from now on is an entry's header, until `content`."""
        self._header_ends = self._read + MAX_HEADER

    def content(self) -> None:
        self._header_ends = None

    def close(self) -> None:
        self._file.close()


def _open(upload: Path) -> IO[bytes]:
    with upload.open("rb") as file:
        magic = file.read(6)
    if magic.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(upload, "rb"))
    if magic.startswith(b"BZh"):
        return bz2.open(upload, "rb")
    if magic == b"\xfd7zXZ\0":
        return lzma.open(upload, "rb")
    return upload.open("rb", buffering=0)
