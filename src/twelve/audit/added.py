"""Rules that other packages add, by an entry point of the group "twelve.audit_rules" that leads to a Rulebook.

A package that does it wrong is named: without its rules an audit would say less than somebody counts on.
"""

import re
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twelve.audit.rule import Rule, Rulebook
from twelve.core.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "twelve.audit_rules"
NAME = re.compile(r"(?:TF(?:0[1-9]|1[0-2])|AI0[1-9])-[a-z][a-z0-9-]*")


def added_rules(known: Collection[str]) -> list[Rule]:
    """`known` are the ids that are taken."""
    found: dict[str, Rule] = {}
    for entry in _entries():
        for rule in _book(entry).rules:
            if not NAME.fullmatch(rule.id):
                raise _wrong(entry, f"a rule is called {rule.id!r}, which is not like TF11-print or AI02-name")
            if rule.id in known or rule.id in found:
                raise _wrong(entry, f"there is a rule {rule.id} already")
            found[rule.id] = rule
    return list(found.values())


def _entries() -> Iterator["EntryPoint"]:
    """Their list is only read in full when one of them may: that takes longer than we do."""
    files = (file for place in sys.path for file in Path(place).glob("*.dist-info/entry_points.txt"))
    if any(GROUP in file.read_text("utf-8", "replace") for file in files):
        from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import

        yield from entry_points(group=GROUP)


def _book(entry: "EntryPoint") -> Rulebook:
    try:
        book = entry.load()
    except Exception as error:
        raise _wrong(entry, f"{type(error).__name__}: {error}") from error
    if not isinstance(book, Rulebook):
        raise _wrong(entry, "that is no Rulebook")
    return book


def _wrong(entry: "EntryPoint", what: str) -> UsageError:
    package = entry.dist.name if entry.dist else "a package"
    return UsageError(
        f"The audit rules of {package} ({entry.value}) cannot be used: {what}.", hint="Mend or uninstall that package."
    )


def failed(rule: Rule, error: Exception) -> UsageError | None:
    """What is said of a rule that fails; None for our own, whose failure is ours."""
    check = rule.check or rule.file_check
    home = getattr(check, "__module__", "") or ""
    if home.partition(".")[0] == __name__.partition(".")[0]:
        return None
    told = f"The rule {rule.id}, which {home} adds, failed: {type(error).__name__}: {error}."
    return UsageError(told, hint="Mend or uninstall its package.")
