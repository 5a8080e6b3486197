"""A directory, or a git ref, becomes the tar stream that `arrive` takes: the same files give the same bytes."""

import os
import re
import stat
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from twelve.core.errors import SourceError
from twelve.stages.source.tree import git, look

PREFIX = "source/"  # one top-level directory, as forges have it, so that arriving need not guess
DIRTY = "TWELVE.dirty"


@dataclass(frozen=True, slots=True)
class Packed:
    commit: str | None
    description: str
    dirty: bool = False
    files: int = 0


def pack(directory: Path, out: BinaryIO) -> Packed:
    """Write the codebase in `directory` to `out`; its commit travels in the header, as `git archive` writes it."""
    if not directory.is_dir():
        raise SourceError(f"{directory} is not a directory.", hint="Name the directory that holds your codebase.")
    tree = look(directory)
    if not tree.names:
        raise SourceError(f"{directory} holds no files to deploy.", hint="Its ignore files may leave out everything.")
    headers = {"comment": tree.commit} if tree.commit else {}
    headers |= {DIRTY: "1"} if tree.dirty else {}
    with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        files = sum(_add(archive, f"{directory}/{name}", PREFIX + name) for name in tree.names)
    return Packed(tree.commit, describe(tree.commit, dirty=tree.dirty), tree.dirty, files)


def describe(commit: str | None, *, dirty: bool) -> str:
    if commit is None:
        return ""
    return f"{commit[:8]} with uncommitted changes" if dirty else commit[:8]


def _add(archive: tarfile.TarFile, path: str, name: str) -> int:
    """Sockets, pipes and devices are no code; a file that vanishes while we pack was not meant."""
    try:
        status = os.lstat(path)
        info = tarfile.TarInfo(name)
        if stat.S_ISLNK(status.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)  # noqa: PTH115 - once a file
            archive.addfile(info)
        elif stat.S_ISREG(status.st_mode):
            _add_file(archive, path, info)
        else:
            return 0
    except FileNotFoundError:
        return 0
    except PermissionError as error:
        raise SourceError(f"{path} cannot be read.", hint="Change its mode, or leave it out by .slugignore.") from error
    return 1


def _add_file(archive: tarfile.TarFile, path: str, info: tarfile.TarInfo) -> None:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - once a file
        status = os.fstat(file.fileno())
        info.size = status.st_size
        info.mode = 0o755 if status.st_mode & 0o100 else 0o644
        archive.addfile(info, file)


def pack_ref(repository: Path, ref: str, out: BinaryIO) -> Packed:
    """Write the files of a commit, branch or tag, as `git archive` gives them; the work tree does not matter."""
    commit = _resolve(repository, ref)
    with git(repository, "archive", "--format=tar", f"--prefix={PREFIX}", commit) as archive:
        assert archive.stdout is not None
        while chunk := archive.stdout.read(1 << 20):
            out.write(chunk)
        complaint = archive.stderr.read().decode(errors="replace").strip() if archive.stderr else ""
    if archive.returncode != 0:
        raise SourceError(f"git archive of {ref} failed: {complaint.splitlines()[-1] if complaint else 'no output'}")
    return Packed(commit, describe(commit, dirty=False))


def _resolve(repository: Path, ref: str) -> str:
    if ref.startswith("-"):
        raise SourceError(f'"{ref}" is not a git ref.')
    try:
        with git(repository, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}") as asked:
            found = asked.communicate()[0].decode().strip()
    except FileNotFoundError:
        raise SourceError("git is not installed.", hint="Install it, or deploy a directory.") from None
    if asked.returncode != 0 or not re.fullmatch(r"[0-9a-f]{40,64}", found):
        raise SourceError(f'{repository} has no commit, branch or tag "{ref}".', hint="`git branch -a` lists them.")
    return found
