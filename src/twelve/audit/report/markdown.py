"""Markdown for a pull request or a job's summary: the checklist as a table, then findings by factor."""

import re
from collections.abc import Iterator, Sequence

from twelve.audit.model import ITEMS, Audit, Evidence, Finding, Judgement, Verdict, number
from twelve.audit.report.words import (
    LABELS,
    Section,
    ai_items,
    clean,
    counts,
    factors,
    observations,
    place,
    sections,
    summary,
)

MARKS = {
    Verdict.PASS: "✅",
    Verdict.PARTIAL: "🟡",
    Verdict.FAIL: "❌",
    Verdict.NOT_APPLICABLE: "·",
    Verdict.UNKNOWN: "❔",
}
SHOWN = 20  # findings of one factor
_QUOTED = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")


def render(audit: Audit) -> str:
    return "\n".join(_lines(audit)) + "\n"


def escaped(text: str) -> str:
    """With what stands between backticks as code."""
    parts = _QUOTED.split(clean(text))
    return "".join(_code(part) if place % 2 else _SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


def _lines(audit: Audit) -> Iterator[str]:
    yield f"# Twelve-factor audit of {escaped(audit.name)}\n"
    if own := factors(audit):
        yield from _checklist("The twelve factors", own)
    if own := ai_items(audit):
        yield from _checklist("AI and machine learning", own)
    yield f"## Findings\n\nTo look at: {counts(audit)}."
    for section in sections(audit):
        yield from _section(section)
    if seen := [one for one in observations(audit) if one.verdict is not Verdict.UNKNOWN]:
        yield "\n## Seen while it ran\n\n| probe | verdict | seen | to see it again |\n|---|---|---|---|"
        for one in seen:
            mark = f"{MARKS[one.verdict]} {LABELS[one.verdict]}"
            yield f"| {escaped(one.probe)} | {mark} | {escaped(one.text)} | {escaped(one.again)} |"
    if audit.notes:
        yield "\n## Notes\n"
        yield from (f"- {escaped(note)}" for note in audit.notes)


def _checklist(title: str, judgements: Sequence[Judgement]) -> Iterator[str]:
    yield f"## {title}: {summary(judgements)}\n"
    yield "| | item | verdict | evidence | to do |\n|---|---|---|---|---|"
    for one in judgements:
        told = "<br>".join(_evidence(evidence) for evidence in one.evidence[:2])
        more = f"<br>and {len(one.evidence) - 2} more" if len(one.evidence) > 2 else ""
        mark = f"{MARKS[one.verdict]} {LABELS[one.verdict]}"
        yield f"| {one.item} | {ITEMS[one.item]} | {mark} | {told}{more} | {escaped(one.todo)} |"
    yield ""


def _evidence(one: Evidence) -> str:
    return f"{_code(place(one.path, one.line))} {escaped(one.text)}" if one.path else escaped(one.text)


def _code(text: str) -> str:
    """As code, also in a table."""
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _section(section: Section) -> Iterator[str]:
    judgement = section.judgement
    yield f"\n### {judgement.item} {ITEMS[judgement.item]}\n"
    yield from (_finding(one) for one in section.open[:SHOWN])
    if (more := len(section.open) - SHOWN) > 0:
        yield f"- and {more} more"
    if section.known:
        yield f"- {number(len(section.known), 'finding')} not new ({escaped(section.known[0].known)})"
    for one in section.ignored:
        yield f"- ignored: {_code(place(one.path, one.line))} {one.rule}: {escaped(one.suppressed or '')}"


def _finding(one: Finding) -> str:
    where = f" {_code(place(one.path, one.line))}" if one.path else ""
    return f"- **{one.severity}**{where} {escaped(one.message)} {escaped(one.fix)} ({one.rule})"
