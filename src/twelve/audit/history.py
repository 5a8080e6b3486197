"""What the files of a repository were before: blobs of its last commits that are in none of its files today.

Blobs are read, commits are not shown: no diff is made and no signature looked at, so no program that a repository names
is run. Bounded in commits and bytes, the newest first.
"""

from collections.abc import Iterator
from pathlib import Path

from twelve.audit import git
from twelve.audit.codebase import LARGEST, Former, SourceFile
from twelve.audit.read import LOOKED_AT, printable

MOST_COMMITS = 2000
MOST_BYTES = 64 << 20
TOGETHER = 200  # blobs that are asked for at once


def former(root: Path, since: str = "") -> tuple[list[Former], list[str]]:
    """Of all commits, or of those that `since` does not have; and what was not looked at, in sentences."""
    commits = git.asked(root, "rev-list", f"--max-count={MOST_COMMITS + 1}", *_range(since))
    if commits is None:
        return [], ["The history was not looked at: git does not tell it."]
    notes = [] if commits.count(b"\n") <= MOST_COMMITS else [f"Of the history, the last {MOST_COMMITS} commits count."]
    if (git.asked(root, "rev-parse", "--is-shallow-repository") or b"").strip() == b"true":
        notes.append("The history is not whole here: the clone is shallow.")
    wanted, is_all = _within(_sized(root, _former_blobs(root, since)))
    found = [Former(blob, _file(path, data)) for blob, path, data in _read(root, wanted)]
    return found, notes if is_all else [*notes, f"Of the history, {MOST_BYTES >> 20} MiB were looked at, no more."]


def _range(since: str) -> list[str]:
    return ["--end-of-options", "HEAD", *([f"^{since}"] if since else [])]


def _former_blobs(root: Path, since: str) -> dict[str, str]:
    """Ids of what is not in the newest commit -> their first path below `root`; trees are among them."""
    above = (git.asked(root, "rev-parse", "--show-prefix") or b"").decode("utf-8", "replace").rstrip("\n")
    options = ("--objects", "--missing=allow-any", f"--max-count={MOST_COMMITS}")
    listed = (git.asked(root, "rev-list", *options, *_range(since), "--", ".") or b"").decode("utf-8", "replace")
    rows = (line.partition(" ") for line in listed.split("\n"))
    found = {id_: path.removeprefix(above) for id_, _, path in rows if path and path.startswith(above)}
    for row in git.names(root, "ls-tree", "-r", "-z", "HEAD") or []:
        found.pop(row.partition("\t")[0].split()[-1], None)
    return found


def _sized(root: Path, paths: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    asked = "".join(f"{one}\n" for one in paths).encode()
    for line in (git.asked(root, "cat-file", "--batch-check", given=asked) or b"").decode().split("\n"):
        words = line.split()
        if len(words) == 3 and words[1] == "blob" and 0 < int(words[2]) <= LARGEST:
            yield words[0], paths[words[0]], int(words[2])


def _within(sized: Iterator[tuple[str, str, int]]) -> tuple[dict[str, str], bool]:
    """Those that fit, and whether that is all."""
    wanted: dict[str, str] = {}
    left = MOST_BYTES
    for blob, path, size in sized:
        left -= size
        if left < 0:
            return wanted, False
        wanted[blob] = path
    return wanted, True


def _read(root: Path, wanted: dict[str, str]) -> Iterator[tuple[str, str, bytes]]:
    ids = list(wanted)
    for start in range(0, len(ids), TOGETHER):
        for blob, data in git.blobs(root, ids[start : start + TOGETHER]).items():
            if b"\0" not in data[:LOOKED_AT]:
                yield blob, wanted[blob], data


def _file(path: str, data: bytes) -> SourceFile:
    return SourceFile(printable(path), lambda: data, size=len(data))
