"""The codebase arrives: an upload nobody trusts becomes a clean tree with a digest, or is refused in one sentence."""

import hashlib
import lzma
import os
import re
import tarfile
import zlib
from pathlib import Path
from typing import IO

from twelve.core.errors import HostileArchive, SourceError
from twelve.core.model import Source
from twelve.infra.files import disk_full_is_said, remove_tree
from twelve.stages.source.digest import CHUNK, Entry, file_entry, fold, link_entry
from twelve.stages.source.ignore import SLUGIGNORE, ignored, left_out, slug_rules
from twelve.stages.source.metered import Metered
from twelve.stages.source.pack import DIRTY, describe

MAX_FILES = 100_000
BUFFER = 1 << 16
UNREADABLE = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, UnicodeError)


def arrive(upload: Path, into: Path) -> Source:
    """Unpack a tar (plain, gzip, bzip2 or xz) below `into`; a failure leaves nothing there.

    A single top-level directory is stripped. Dropped: `.git`, `.env`, what .slugignore names, what tools leave behind.
    """
    unpacked, tree = into / "unpacked", into / "tree"
    try:
        with disk_full_is_said(into):
            return _arrive(upload, unpacked, tree)
    except UNREADABLE as error:
        raise SourceError(
            "The upload is not a tar archive that can be read to its end.", hint=_advice(upload)
        ) from error
    except OSError as error:
        raise SourceError(f"The upload cannot be unpacked: {error.strerror or error}.") from error
    finally:
        remove_tree(unpacked)


def _arrive(upload: Path, unpacked: Path, tree: Path) -> Source:
    stream = Metered(upload)
    try:
        with tarfile.open(fileobj=stream, mode="r|", bufsize=BUFFER) as archive:  # type: ignore[call-overload]  # has read()
            unpacking = Unpacking(unpacked)
            unpacking.all_of(archive, stream)
            headers = archive.pax_headers
    finally:
        stream.close()
    entries = unpacking.finished(tree)
    found = headers.get("comment", "")
    commit = found if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", found) else None
    return Source(tree, fold(entries), commit, describe(commit, dirty=DIRTY in headers))


class Unpacking:
    """Takes an archive's entries one by one. Nothing is ever written through a link, and each name only once."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True)
        self._root = root
        self._files: dict[str, Entry] = {}
        self._links: dict[str, str] = {}
        self._directories: set[str] = {""}
        self._count = 0

    def all_of(self, archive: tarfile.TarFile, stream: Metered) -> None:
        while True:
            stream.header()
            member = archive.next()
            stream.content()
            if member is None:
                return
            self._count += 1
            if self._count > MAX_FILES:
                raise HostileArchive(f"The archive holds more than {MAX_FILES} entries; it was not unpacked.")
            self._take(archive, member)
            archive.members = []  # type: ignore[attr-defined]  # it would remember every entry

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = clean_name(member.name)
        if member.isdir():
            self._directory(name)
        elif not name:
            raise _hostile(member, "has an entry without a name")
        elif member.issym() or member.islnk():
            self._link(member, name)
        elif member.isfile() and not member.issparse():
            content = archive.extractfile(member)
            assert content is not None  # a regular file has content
            self._file(member, name, content)
        else:
            raise _hostile(member, "has a device, pipe or other special file")

    def _directory(self, name: str) -> None:
        if name in self._files or name in self._links:
            raise HostileArchive(f'The archive has "{name}" twice; it was not unpacked.')
        self._parents(f"{name}/x")

    def _parents(self, name: str) -> None:
        """Make the directories above `name`; a file or a link in their place is refused."""
        parent = name.rpartition("/")[0]
        if parent in self._directories:
            return
        if parent in self._files or parent in self._links:
            raise HostileArchive(f'The archive writes below "{parent}", which is no directory; it was not unpacked.')
        self._parents(parent)
        (self._root / parent).mkdir()
        self._directories.add(parent)

    def _claim(self, name: str) -> Path:
        if name in self._files or name in self._links or name in self._directories:
            raise HostileArchive(f'The archive has "{name}" twice; it was not unpacked.')
        self._parents(name)
        return self._root / name

    def _file(self, member: tarfile.TarInfo, name: str, content: IO[bytes]) -> None:
        path = self._claim(name)
        executable = bool(member.mode & 0o100)
        digest = hashlib.sha256()
        left = member.size
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755 if executable else 0o644)
        try:
            while left and (chunk := content.read(min(left, CHUNK))):
                write_all(out, chunk)
                digest.update(chunk)
                left -= len(chunk)
        finally:
            os.close(out)
        if left:
            raise tarfile.ReadError("unexpected end of data")
        self._files[name] = file_entry(name, digest.digest(), executable=executable)

    def _link(self, member: tarfile.TarInfo, name: str) -> None:
        path = self._claim(name)
        if member.issym():
            _check_target(member, name)
            path.symlink_to(member.linkname)
            self._links[name] = member.linkname
            return
        original = self._files.get(clean_name(member.linkname))
        if original is None:
            raise _hostile(member, f'links to "{member.linkname}", which is not in it, by')
        path.hardlink_to(self._root / os.fsdecode(original.name))
        self._files[name] = original._replace(name=os.fsencode(name))

    def finished(self, tree: Path) -> list[Entry]:
        """Move what was unpacked to `tree`, stripped and clean, and give its entries for the digest."""
        self._check_links()
        top = self._single_top()
        root = self._root / top if top else self._root
        spec = slug_rules(root) if (root / SLUGIGNORE).is_file() else None
        entries = [*self._files.values(), *(link_entry(name, target) for name, target in self._links.items())]
        kept = []
        for entry in entries:
            name = os.fsdecode(entry.name).removeprefix(f"{top}/" if top else "")
            if left_out(name.split("/")) or ignored(spec, name):
                (root / name).unlink()
            else:
                kept.append(entry._replace(name=os.fsencode(name)))
        if not kept:
            raise SourceError("The upload holds no files.", hint="Was everything in it ignored?")
        _remove_empty(root)
        root.rename(tree)
        return kept

    def _check_links(self) -> None:
        """Where a link leads is only certain once all of them are there: one may lead through another."""
        root = os.path.realpath(self._root)
        for name, target in self._links.items():
            real = os.path.realpath(os.path.join(root, name))  # noqa: PTH118 - realpath of text
            if real != root and not real.startswith(f"{root}/"):
                raise HostileArchive(
                    f'The archive has a link "{name}" -> "{target}" that leads outside; it was not unpacked.'
                )

    def _single_top(self) -> str:
        tops = {name.partition("/")[0] for name in (*self._files, *self._links)}
        only = next(iter(tops)) if len(tops) == 1 else ""
        return only if only in self._directories else ""


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def clean_name(name: str) -> str:
    """A name without "./" and doubled slashes; absolute names and ".." are refused."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        raise HostileArchive(f'The archive has an entry "{name}" that leads outside of it; it was not unpacked.')
    return "/".join(parts)


def _check_target(member: tarfile.TarInfo, name: str) -> None:
    """The target as written must stay inside; so must where it really leads, see `_check_links`."""
    depth = name.count("/")
    for part in member.linkname.split("/"):
        depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
        if depth < 0 or member.linkname.startswith("/"):
            raise HostileArchive(
                f'The archive has a link "{name}" -> "{member.linkname}" that leads outside; it was not unpacked.'
            )


def _hostile(member: tarfile.TarInfo, what: str) -> HostileArchive:
    return HostileArchive(f'The archive {what} ("{member.name}"); it was not unpacked.')


def _remove_empty(root: Path) -> None:
    for directory, _, _ in os.walk(root, topdown=False):
        if directory != os.fspath(root) and not os.listdir(directory):  # noqa: PTH208 - os.walk gives text
            os.rmdir(directory)  # noqa: PTH106


def _advice(upload: Path) -> str:
    with upload.open("rb") as file:
        return "It is a zip file; send a .tar.gz." if file.read(2) == b"PK" else ""
