"""The words an artifact is called by: names, version numbers, digests, and the paths of its files."""

import re
import unicodedata
from collections.abc import Iterable

from twelve_runtime.artifacts.errors import Refused

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
VERSION = re.compile(r"[1-9][0-9]{0,8}")
HEX = re.compile(r"[0-9a-f]{64}")
DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
LONGEST_PATH = 1024  # bytes
LONGEST_SEGMENT = 255


def name(text: object) -> str:
    if isinstance(text, str) and NAME.fullmatch(text):
        return text
    raise Refused(
        f"{shown(text)} is not a name for an artifact: a-z, 0-9, '.', '_' and '-', at most 63, "
        "beginning with a letter or a digit."
    )


def hex_digest(text: object, what: str) -> str:
    if isinstance(text, str) and HEX.fullmatch(text):
        return text
    raise Refused(f"{what} is {shown(text)}, not 64 lowercase hexadecimal digits.")


def hex_of(digest: str) -> str:
    """ "sha256:<64hex>" without its prefix."""
    if found := DIGEST.fullmatch(digest):
        return found[1]
    raise Refused(f"{shown(digest)} is not a digest: sha256: and 64 lowercase hexadecimal digits.")


def path(text: object) -> str:
    """A relative path inside an artifact, with which nothing outside its directory can be meant on any file system."""
    if not isinstance(text, str) or not text or len(text.encode(errors="replace")) > LONGEST_PATH:
        raise Refused(f"{shown(text)} is not a file's path.")
    if not text.isprintable() or "\\" in text or unicodedata.normalize("NFC", text) != text:
        raise Refused(f"The path {shown(text)} holds a character that paths of an artifact must not have.")
    for segment in text.split("/"):
        if segment in {"", ".", ".."} or len(segment.encode()) > LONGEST_SEGMENT:
            raise Refused(f"The path {shown(text)} is not a plain relative path.")
    return text


def distinct(paths: Iterable[str]) -> None:
    """No two files may be one on a file system that ignores case, and none may be another's directory."""
    files: set[str] = set()
    directories: set[str] = set()
    for found in paths:
        folded = unicodedata.normalize("NFC", found.casefold())
        if folded in files:
            raise Refused(f"The path {shown(found)} is there twice (upper and lower case count as one).")
        files.add(folded)
        parts = folded.split("/")
        directories |= {"/".join(parts[:end]) for end in range(1, len(parts))}
    if both := files & directories:
        raise Refused(f"The path {shown(min(both))} is a file and a directory at once.")


def shown(value: object, limit: int = 80) -> str:
    """A foreign value in an error text: quoted, escaped, short."""
    text = ascii(value)
    return text if len(text) <= limit else f"{text[:limit]}…"
