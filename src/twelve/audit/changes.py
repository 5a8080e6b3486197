"""Which lines have changed since a commit, told by comparing contents ourselves: no diff program or filter is run."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path

from twelve.audit import git
from twelve.audit.model import Audit
from twelve.audit.read import content
from twelve.core.errors import UsageError

LONGEST = 20_000  # lines that are compared; of longer files every line counts as changed
EVERY = None
IN_HISTORY = "TF03-secret-in-history"
Changed = Mapping[str, frozenset[int] | None]  # path -> lines, EVERY for a new file; absent: unchanged


def since(audit: Audit, root: Path, ref: str) -> Audit:
    """The audit, with what stands on unchanged lines marked. Verdicts stay: an old violation is one."""
    changed = lines_since(root, ref, {one.path for one in audit.findings if one.path})
    reason = f"unchanged since {ref}"
    touched = {one.key for one in audit.findings if one.rule == IN_HISTORY}  # only of commits since then
    findings = tuple(
        one
        if one.key in touched or _is_touched(changed, one.path, one.line)
        else replace(one, known=one.known or reason)
        for one in audit.findings
    )
    return replace(audit, findings=findings)


def lines_since(root: Path, ref: str, paths: Iterable[str]) -> Changed:
    before = _tree(root, base(root, ref))
    now = {path: content(root / path) for path in paths}
    differing = {path: data for path, data in now.items() if before.get(path) != _digest(data, before.get(path, ""))}
    blobs = git.blobs(root, [before[path] for path in differing if path in before])
    return {
        path: _new_lines(blobs[before[path]], data) if before.get(path) in blobs else EVERY
        for path, data in differing.items()
    }


def _is_touched(changed: Changed, path: str, line: int | None) -> bool:
    if path not in changed:
        return False
    lines = changed[path]
    return lines is EVERY or (bool(lines) if line is None else line in lines)


def base(root: Path, ref: str) -> str:
    """Where this branch left `ref`; `ref` itself when the history does not reach that far.

    Before the first commit HEAD is none: empty, so that everything is new and a hook lets the first one be made.
    """
    commit = git.asked(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if commit is None:
        if ref == "HEAD" and git.asked(root, "rev-parse", "--git-dir") is not None:
            return ""
        raise UsageError(f"{ref} is no commit of the git repository in {root.resolve()}.")
    found = commit.decode().strip()
    return (git.asked(root, "merge-base", "HEAD", found) or b"").decode().strip() or found


def _tree(root: Path, commit: str) -> dict[str, str]:
    """Paths below `root` -> ids of their blobs."""
    if not commit:
        return {}
    rows = (row.partition("\t") for row in git.names(root, "ls-tree", "-r", "-z", commit) or [])
    return {path: about.split()[2] for about, _, path in rows if about.split()[1] == "blob"}


def _digest(data: bytes, like: str) -> str:
    """Git's id of a blob, in the repository's own kind of digest."""
    made = hashlib.sha256() if len(like) == 64 else hashlib.sha1(usedforsecurity=False)
    made.update(b"blob %d\0" % len(data) + data)
    return made.hexdigest()


def _new_lines(before: bytes, now: bytes) -> frozenset[int] | None:
    old, new = ([line.rstrip(b"\r") for line in data.split(b"\n")] for data in (before, now))
    if max(len(old), len(new)) > LONGEST:
        return EVERY
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return frozenset(line + 1 for step, _, _, start, end in steps if step != "equal" for line in range(start, end))
