"""One audit of a directory, from its files to the verdicts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from twelve.audit.engine import findings
from twelve.audit.ignores import ignored
from twelve.audit.judge import judge
from twelve.audit.memory import FileMemory
from twelve.audit.model import Audit, Severity
from twelve.audit.read import read
from twelve.audit.rule import Rule
from twelve.audit.rules import all_rules, relevances, witnesses


def audit(root: Path, rules: Sequence[Rule] | None = None, *, cache: Path | None = None) -> Audit:
    """`cache` is a directory of ours: what it says of files that have not changed is believed."""
    code, notes = read(root)
    asked = all_rules() if rules is None else rules
    memory = FileMemory.of(root, cache, asked) if cache else None
    found = findings(code, asked, memory)
    if memory:
        memory.save()
    found, more = ignored(code, found, {rule.id for rule in asked}, datetime.now(UTC).date())
    judgements = judge(code, found, witnesses(), relevances())
    return Audit(code.name, tuple(judgements), tuple(found), (*notes, *more))


def only(made: Audit, items: Sequence[str]) -> Audit:
    judgements = tuple(one for one in made.judgements if one.item in items)
    return Audit(made.name, judgements, tuple(one for one in made.findings if one.item in items), made.notes)


def fails(made: Audit, level: str) -> bool:
    """Whether a new finding that nobody ignored is of `level` ("error", "warning") or above; "never" is above all."""
    severe = {"error": {Severity.ERROR}, "warning": {Severity.ERROR, Severity.WARNING}}.get(level, set())
    return any(one.severity in severe and not one.suppressed and not one.known for one in made.findings)
