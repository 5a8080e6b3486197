"""The report for a terminal: a line a factor, then the findings below their factor."""

from collections.abc import Callable, Iterator

from twelve.audit.model import AI_ITEMS, ITEMS, Audit, Evidence, Finding, Judgement, Severity, Verdict

MARKS = {
    Verdict.PASS: ("pass", "green"),
    Verdict.PARTIAL: ("partial", "yellow"),
    Verdict.FAIL: ("FAIL", "red"),
    Verdict.NOT_APPLICABLE: ("n/a", "bright_black"),
    Verdict.UNKNOWN: ("unknown", "bright_black"),
}
COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "bright_black"}
Paint = Callable[[str, str], str]  # text, colour


def plain(text: str, _colour: str) -> str:
    return text


def render(audit: Audit, paint: Paint = plain) -> str:
    return "\n".join(_lines(audit, paint)) + "\n"


def _lines(audit: Audit, paint: Paint) -> Iterator[str]:
    yield f"{audit.name}\n"
    for judgement in audit.judgements:
        if judgement.item not in AI_ITEMS or judgement.verdict is not Verdict.NOT_APPLICABLE:
            yield from _judgement(judgement, paint)
    shown = [one for one in audit.findings if not one.suppressed]
    if shown:
        yield "\nFindings"
    for finding in shown:
        yield from _finding(finding, paint)
    quiet = len(audit.findings) - len(shown)
    if quiet:
        yield f"\n{quiet} more {'is' if quiet == 1 else 'are'} ignored, each with a reason."
    for note in audit.notes:
        yield f"Note: {note}"


def _judgement(judgement: Judgement, paint: Paint) -> Iterator[str]:
    mark, colour = MARKS[judgement.verdict]
    first = _told(judgement.evidence[0]) if judgement.evidence else ""
    more = f" (+{len(judgement.evidence) - 1})" if len(judgement.evidence) > 1 else ""
    yield f"{judgement.item:>5}  {ITEMS[judgement.item]:<32} {paint(f'{mark:<8}', colour)} {first}{more}"


def _finding(finding: Finding, paint: Paint) -> Iterator[str]:
    where = f"{finding.path}:{finding.line}" if finding.line else finding.path
    yield f"  {paint(finding.severity.value, COLOURS[finding.severity])} {where}  {finding.message} [{finding.rule}]"
    yield f"      {finding.fix}"


def _told(evidence: Evidence) -> str:
    where = f"{evidence.path}:{evidence.line} " if evidence.line else f"{evidence.path} " if evidence.path else ""
    return f"{where}{evidence.text}"
