"""The report for a terminal of 80 columns: the checklist, then the findings below their factor."""

from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

from twelve.audit.judge import WORST
from twelve.audit.model import AI_ITEMS, ITEMS, Audit, Finding, Judgement, Observation, Severity, Verdict, number
from twelve.audit.report.words import (
    LABELS,
    Section,
    ai_items,
    clean,
    counts,
    evidence,
    factors,
    observations,
    place,
    sections,
    summary,
)

WIDTH = 80
INDENT = 17  # below the title of an item
SHOWN = 5  # findings of one rule
MARKS = {
    Verdict.PASS: "green",
    Verdict.PARTIAL: "yellow",
    Verdict.FAIL: "red",
    Verdict.NOT_APPLICABLE: "bright_black",
    Verdict.UNKNOWN: "bright_black",
}
SHORT = LABELS | {Verdict.NOT_APPLICABLE: "n/a", Verdict.FAIL: "FAIL"}
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bright_black"}
Paint = Callable[[str, str], str]  # text, colour


def plain(text: str, _colour: str) -> str:
    return text


def render(audit: Audit, paint: Paint = plain) -> str:
    return "\n".join(_lines(audit, paint)) + "\n"


def _lines(audit: Audit, paint: Paint) -> Iterator[str]:
    yield from _checklist(f"{clean(audit.name)}: the twelve factors", factors(audit), paint)
    yield from _checklist("AI and machine learning", ai_items(audit), paint)
    for section in sections(audit):
        yield from _section(section, paint)
    yield from _observed(observations(audit), paint)
    yield from _wrapped(f"To look at: {counts(audit)}.{_advice(audit)}", 0)
    for note in audit.notes:
        yield from _wrapped(f"Note: {clean(note)}", 6, first=0)


def _advice(audit: Audit) -> str:
    """The rule to read about first: what nobody ignored and is new, else what was seen."""
    new = [one for one in audit.findings if not one.suppressed and not one.known]
    worst = next((one.rule for one in new if one.severity is Severity.ERROR), "")
    worst = worst or next((one.probe for one in observations(audit) if one.verdict in WORST), "")
    return f" `twelve audit --explain {worst}` tells more." if worst else ""


def _checklist(title: str, judgements: Sequence[Judgement], paint: Paint) -> Iterator[str]:
    if not judgements:
        return
    yield from _wrapped(f"{title}: {summary(judgements)}", 2, first=0)
    yield ""
    for one in judgements:
        yield from _judgement(one, paint)
    yield ""


def _judgement(one: Judgement, paint: Paint) -> Iterator[str]:
    mark = paint(f"{SHORT[one.verdict]:<8}", MARKS[one.verdict])
    yield f"{one.item:>5}  {mark}  {ITEMS[one.item]}"
    if one.evidence and not (one.verdict is Verdict.UNKNOWN and one.todo):  # which says as much
        more = f" (and {len(one.evidence) - 1} more)" if len(one.evidence) > 1 else ""
        yield from _wrapped(f"{evidence(one.evidence[0])}{more}", INDENT, most=3)
    if one.todo:
        yield from _wrapped(f"todo: {clean(one.todo)}", INDENT)


def _section(section: Section, paint: Paint) -> Iterator[str]:
    item = section.judgement.item
    yield f"{item}  {ITEMS[item]}" if item in AI_ITEMS else f"{item}. {ITEMS[item]}"
    by_rule: dict[str, list[Finding]] = {}
    for one in section.open:
        by_rule.setdefault(one.rule, []).append(one)
    for own in by_rule.values():
        yield from _rule(own, paint)
    if section.known:
        yield f"  {number(len(section.known), 'finding')} not new: {clean(section.known[0].known)}"
    for one in section.ignored:
        yield from _wrapped(
            f"ignored: {place(one.path, one.line)}  {one.rule}: {clean(one.suppressed or '')}", 4, first=2
        )
    yield ""


def _observed(seen: Sequence[Observation], paint: Paint) -> Iterator[str]:
    """What the running app did. Those that could not be asked are among the notes."""
    told = [one for one in seen if one.verdict is not Verdict.UNKNOWN]
    if not told:
        return
    yield "Seen while it ran"
    for one in told:
        yield f"  {paint(f'{SHORT[one.verdict]:<8}', MARKS[one.verdict])} {clean(one.probe)}"
        yield from _wrapped(clean(one.text), 6, first=4)
        if one.verdict in WORST:
            yield from _wrapped(f"todo: {clean(one.fix)}", 6, first=4)
            yield from _wrapped(f"again: {clean(one.again)}", 6, first=4) if one.again else []
    yield ""


def _rule(own: Sequence[Finding], paint: Paint) -> Iterator[str]:
    """The findings of one rule, and what to do once."""
    worst = own[0].severity
    yield f"  {paint(worst.value, COLOURS[worst])} {own[0].rule}"
    for one in own[:SHOWN]:
        where = place(one.path, one.line)
        yield from _wrapped(f"{where}  {clean(one.message)}" if where else clean(one.message), 6, first=4)
    if (more := len(own) - SHOWN) > 0:
        yield f"    and {more} more; --format json has all of them"
    yield from _wrapped(f"todo: {own[0].fix}", 6, first=4)


def _wrapped(text: str, indent: int, *, first: int | None = None, most: int | None = None) -> list[str]:
    return wrap(
        text, WIDTH, initial_indent=" " * (indent if first is None else first), subsequent_indent=" " * indent,
        max_lines=most, placeholder=" …", break_on_hyphens=False,
    )  # fmt: skip
