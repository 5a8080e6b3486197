"""The source files that were read, and how a report says that none of them has something."""

from twelve.audit.codebase import Codebase

LANGUAGES = ("python", "javascript", "typescript", "tsx", "ruby", "go", "java")


def none_has(code: Codebase, verb: str, what: str) -> str:
    """ "None of 12 source files keeps a session"; empty where there is none that could be read."""
    count = sum(not file.is_too_large for file in code.written_in(*LANGUAGES))
    if count < 2:
        return f"The only source file {verb} no {what}" if count else ""
    return f"None of {count} source files {verb} a {what}"
