"""What never belongs to a source: secrets, histories, and what tools leave behind; and the rules of ignore files."""

from collections.abc import Iterable
from pathlib import Path

from pathspec import GitIgnoreSpec

NEVER = frozenset({".git", ".env"})
LEFTOVERS = frozenset(
    {
        "__pycache__", "node_modules", ".venv", ".hg", ".svn", ".tox", ".nox", ".DS_Store",
        ".mypy_cache", ".pytest_cache", ".ruff_cache",
    }
)  # fmt: skip
LEFT_OUT = NEVER | LEFTOVERS
SLUGIGNORE = ".slugignore"


def left_out(parts: Iterable[str]) -> bool:
    return not LEFT_OUT.isdisjoint(parts)


def rules(file: Path) -> GitIgnoreSpec | None:
    """The patterns of an ignore file; None when there is none. Bytes that are not UTF-8 match themselves."""
    try:
        text = file.read_bytes().decode("utf-8", "surrogateescape")
    except (FileNotFoundError, IsADirectoryError):
        return None
    return GitIgnoreSpec.from_lines(text.splitlines())


def slug_rules(tree: Path) -> GitIgnoreSpec | None:
    return rules(tree / SLUGIGNORE)


def ignored(spec: GitIgnoreSpec | None, name: str) -> bool:
    """Whether the rules leave out the file, by itself or with a directory it is in."""
    return spec is not None and spec.match_file(name)
