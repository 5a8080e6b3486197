"""From findings to a verdict for each factor and AI item, with its evidence. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from twelve.audit.codebase import Codebase
from twelve.audit.model import AI_ITEMS, ITEMS, Evidence, Finding, Judgement, Observation, Severity, Verdict

WORST = (Verdict.FAIL, Verdict.PARTIAL)
Witness = Callable[[Codebase], Iterable[Evidence]]
Relevance = Callable[[Codebase], str]  # why an item does not apply; empty when it does


def judge(
    code: Codebase,
    findings: Sequence[Finding],
    witnesses: Mapping[str, Witness],
    relevances: Mapping[str, Relevance],
) -> list[Judgement]:
    """One judgement an item. An item nobody can say anything about is unknown, never passed."""
    return [
        _judged(item, code, [one for one in findings if one.item == item and not one.suppressed], witnesses, relevances)
        for item in ITEMS
    ]


def _judged(
    item: str,
    code: Codebase,
    own: list[Finding],
    witnesses: Mapping[str, Witness],
    relevances: Mapping[str, Relevance],
) -> Judgement:
    against = sorted((one for one in own if one.verdict in WORST), key=lambda one: WORST.index(one.verdict))
    if against:
        evidence = tuple(Evidence(f"{one.rule}: {one.message}", one.path, one.line) for one in against)
        return Judgement(item, against[0].verdict, evidence, against[0].fix)
    if item in relevances and (reason := relevances[item](code)):
        return Judgement(item, Verdict.NOT_APPLICABLE, (Evidence(reason),))
    seen = tuple(witnesses[item](code)) if item in witnesses else ()
    if not seen:
        todo = "" if item in AI_ITEMS else "Run the audit with --live: the code alone does not tell."
        return Judgement(item, Verdict.UNKNOWN, (Evidence("Nothing in the code speaks for or against it."),), todo)
    noted = tuple(
        Evidence(f"{one.rule}: {one.message}", one.path, one.line) for one in own if one.severity is Severity.INFO
    )
    return Judgement(item, Verdict.PASS, (*seen, *noted))


def observed(judgements: Iterable[Judgement], observations: Sequence[Observation]) -> list[Judgement]:
    """What was seen of the running app joins what its code says; of two verdicts the worse one counts."""
    return [_joined(one, [seen for seen in observations if seen.item == one.item]) for one in judgements]


def _joined(judgement: Judgement, own: list[Observation]) -> Judgement:
    against = sorted((one for one in own if one.verdict in WORST), key=lambda one: WORST.index(one.verdict))
    good = tuple(_witnessed(one) for one in own if one.verdict is Verdict.PASS)
    if against:
        said = judgement.evidence if judgement.verdict in WORST else ()
        verdict = min((against[0].verdict, judgement.verdict), key=_badness)
        todo = judgement.todo if judgement.verdict in WORST else against[0].fix
        return Judgement(judgement.item, verdict, (*map(_witnessed, against), *said), todo)
    if judgement.verdict is Verdict.UNKNOWN:
        return Judgement(judgement.item, Verdict.PASS, good) if good else _still_unknown(judgement, own)
    return replace(judgement, evidence=(*judgement.evidence, *good))


def _still_unknown(judgement: Judgement, own: Sequence[Observation]) -> Judgement:
    """The running app was asked, too: why it did not tell, each reason once."""
    reasons = dict.fromkeys(one.text for one in own)
    told = tuple(Evidence(f"Not observed: {reason}") for reason in reasons)
    return replace(judgement, evidence=told or judgement.evidence, todo="")


def _witnessed(seen: Observation) -> Evidence:
    end = "" if seen.text.endswith((".", "!", "?")) else "."
    again = f"{end} See it again: `{seen.again}`." if seen.again else ""
    return Evidence(f"{seen.probe}: {seen.text}{again}")


def _badness(verdict: Verdict) -> int:
    return WORST.index(verdict) if verdict in WORST else len(WORST)
