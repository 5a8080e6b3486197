"""KEY=VALUE words of a command line."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from twelve.core.errors import UsageError
from twelve.core.formats.dotenv import is_key


def read_pairs(words: Iterable[str], *, stdin: Callable[[], str] | None = None) -> dict[str, str]:
    """Key -> value. `KEY=-` reads stdin, less one line end; `KEY=@FILE` reads a file as it is."""
    pairs = dict(split_pair(word) for word in words)
    if list(pairs.values()).count("-") > 1:
        raise UsageError("Only one value can be read from stdin.")
    return {key: value_of(value, stdin or sys.stdin.read) for key, value in pairs.items()}


def split_pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not equals:
        raise UsageError(f'"{word}" is not KEY=VALUE.')
    if not is_key(key):
        raise UsageError(f'"{key}" is not a variable name (letters, digits, "_"; no digit first).')
    return key, value


def value_of(text: str, stdin: Callable[[], str]) -> str:
    if text == "-":
        return stdin().removesuffix("\n")
    return read_file(text[1:]) if text.startswith("@") else text


def read_file(name: str) -> str:
    try:
        return Path(name).read_bytes().decode()
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is not text, and a config var is.") from error
