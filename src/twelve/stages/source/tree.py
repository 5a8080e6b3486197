"""Which files of a directory are its codebase: what git says where there is git, else the .gitignore files."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from twelve.stages.source.ignore import LEFT_OUT, ignored, left_out, rules, slug_rules

LIST = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
STATUS = ["status", "--porcelain=v2", "--branch", "-z", "--", "."]


@dataclass(frozen=True, slots=True)
class Tree:
    """`names` are relative, sorted, and hold no directory. `dirty`: there is work that `commit` does not have."""

    names: tuple[str, ...]
    commit: str | None = None
    dirty: bool = False


def look(directory: Path) -> Tree:
    """Tracked files always belong to a checkout, also when a .gitignore names them; .slugignore has the last word."""
    checkout = _checkout(directory)
    names = _walk(directory) if checkout is None else checkout.names
    spec = slug_rules(directory)
    kept = sorted({name for name in names if not left_out(name.split("/")) and not ignored(spec, name)})
    return Tree(tuple(kept), checkout.commit if checkout else None, checkout.dirty if checkout else False)


def git(directory: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    """git in that directory, undisturbed by a surrounding hook's variables, and never taking a lock."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    return subprocess.Popen(
        ["git", "-C", directory, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**env, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
    )


def _checkout(directory: Path) -> Tree | None:
    """What git knows, or None where there is no git, no checkout, or one git does not trust."""
    if not any((place / ".git").exists() for place in (directory.absolute(), *directory.absolute().parents)):
        return None
    try:
        with git(directory, *LIST) as listing, git(directory, *STATUS) as status:
            listed, state = listing.communicate()[0], status.communicate()[0]
    except FileNotFoundError:
        return None
    if listing.returncode != 0 or status.returncode != 0:
        return None
    commit, dirty = _state(state)
    names = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    return Tree(tuple(_present(directory, names)), commit, dirty)


def _state(porcelain: bytes) -> tuple[str | None, bool]:
    records = [record for record in porcelain.split(b"\0") if record]
    heads = [record.rpartition(b" ")[2].decode() for record in records if record.startswith(b"# branch.oid ")]
    commit = heads[0] if heads and heads[0] != "(initial)" else None
    return commit, any(not record.startswith(b"# ") for record in records)


def _present(directory: Path, names: list[str]) -> Iterator[str]:
    """The listed files that exist; a listed directory is a repository of its own (a submodule) and is looked into."""
    for name in names:
        place = directory / name
        if place.is_symlink() or place.is_file():
            yield name
        elif place.is_dir() and not left_out(Path(name).parts):
            yield from (f"{name.rstrip('/')}/{inner}" for inner in look(place).names)


def _walk(directory: Path) -> Iterator[str]:
    yield from _below(os.fspath(directory), "", [])


def _below(root: str, prefix: str, above: list[tuple[str, GitIgnoreSpec]]) -> Iterator[str]:
    here = rules(Path(root, prefix, ".gitignore"))
    specs = above if here is None else [*above, (prefix, here)]
    with os.scandir(os.path.join(root, prefix)) as entries:  # noqa: PTH118 - once a directory of a whole codebase
        for entry in entries:
            name = prefix + entry.name
            is_directory = entry.is_dir(follow_symlinks=False)
            if entry.name in LEFT_OUT or _excluded(specs, f"{name}/" if is_directory else name):
                continue
            if is_directory:
                yield from _below(root, f"{name}/", specs)
            else:
                yield name


def _excluded(specs: list[tuple[str, GitIgnoreSpec]], name: str) -> bool:
    """git's rule: the nearest .gitignore with an opinion decides, within it the last pattern that matches."""
    for prefix, spec in reversed(specs):
        verdict = spec.check_file(name[len(prefix) :]).include
        if verdict is not None:
            return verdict
    return False
