"""One audit of a directory, from its files to the verdicts."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from twelve.audit.engine import findings
from twelve.audit.history import former
from twelve.audit.ignores import ignored
from twelve.audit.judge import WORST, judge, observed
from twelve.audit.memory import FileMemory
from twelve.audit.model import Audit, Observation, Severity, Verdict
from twelve.audit.read import read
from twelve.audit.rule import Rule
from twelve.audit.rules import all_rules, relevances, witnesses
from twelve.audit.unreadable import unreadable


def audit(
    root: Path, rules: Sequence[Rule] | None = None, *, cache: Path | None = None, history: str | None = None
) -> Audit:
    """`cache` is a directory of ours: what it says of files that have not changed is believed.

    `history`: look at former versions of files too, back to the commit of that name; to the first one when it is empty.
    """
    code, notes = read(root)
    if history is not None:
        code.history, told = former(root, history)
        notes += told
    notes += unreadable(code)
    asked = all_rules() if rules is None else rules
    memory = FileMemory.of(root, cache, asked) if cache else None
    found = findings(code, asked, memory)
    if memory:
        memory.save()
    found, more = ignored(code, found, {rule.id for rule in asked}, datetime.now(UTC).date())
    judgements = judge(code, found, witnesses(), relevances())
    return Audit(code.name, tuple(judgements), tuple(found), (*notes, *more))


def with_observations(made: Audit, observations: Sequence[Observation]) -> Audit:
    """What was seen of the running app counts like its code; what could not be asked is noted."""
    unasked: dict[str, list[str]] = {}
    for one in observations:
        if one.verdict is Verdict.UNKNOWN:
            unasked.setdefault(one.text, []).append(one.probe)
    notes = [f"Not observed ({', '.join(probes)}): {reason}" for reason, probes in unasked.items()]
    judgements = observed(made.judgements, observations)
    return replace(made, judgements=tuple(judgements), notes=(*made.notes, *notes), observations=tuple(observations))


def only(made: Audit, items: Sequence[str]) -> Audit:
    judgements = tuple(one for one in made.judgements if one.item in items)
    kept = tuple(one for one in made.findings if one.item in items)
    seen = tuple(one for one in made.observations if one.item in items)
    return replace(made, judgements=judgements, findings=kept, observations=seen)


def fails(made: Audit, level: str) -> bool:
    """Whether a new finding that nobody ignored is of `level` ("error", "warning") or above; "never" is above all."""
    severe = {"error": {Severity.ERROR}, "warning": {Severity.ERROR, Severity.WARNING}}.get(level, set())
    found = any(one.severity in severe and not one.suppressed and not one.known for one in made.findings)
    return found or any(one.severity in severe and one.verdict in WORST for one in made.observations)
