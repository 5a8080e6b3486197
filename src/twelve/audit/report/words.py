"""What every report says in the same words: requirements, verdicts, places, counts. Nothing hostile gets through."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from twelve.audit.judge import WORST
from twelve.audit.model import (
    AI_ITEMS,
    FACTORS,
    Audit,
    Evidence,
    Finding,
    Judgement,
    Observation,
    Severity,
    Verdict,
    number,
)

# What the methodology asks for, item by item.
REQUIREMENTS = {
    "I": "One codebase under version control, from which every deploy is made.",
    "II": "Every dependency is declared exactly and isolated; none is taken from the system.",
    "III": "What differs between deploys comes from the environment; no secret is in the code.",
    "IV": "Backing services are attached by URL and can be swapped without a change of code.",
    "V": "Build, release and run are separate; nothing is built or changed at run time.",
    "VI": "Processes are stateless and share nothing; what must last is in a backing service.",
    "VII": "The app serves by itself, on the port that the environment names.",
    "VIII": "It scales out by processes of declared types, which never daemonise.",
    "IX": "Processes start within seconds, end gracefully, and survive sudden death.",
    "X": "Development and production use the same kinds and versions of everything.",
    "XI": "Logs are an unbuffered stream to stdout; where they go is the platform's business.",
    "XII": "Admin tasks are one-off processes of the same release, code and config.",
    "AI01": "Training data is versioned, and training can be repeated.",
    "AI02": "Models are immutable, pinned, checked releases.",
    "AI03": "Inference is stateless and apart from training.",
    "AI04": "The environment names the model's version, and answers tell it.",
    "AI05": "Inference scales out; no device is written into the code.",
    "AI06": "Predictions emit version, latency and outcome as events to stdout.",
    "AI07": "A missing or slow model leads to a fallback, not to an outage.",
    "AI08": "A new model gets its traffic by a split that config decides.",
    "AI09": "Retraining is a scheduled process of its own.",
}
LABELS = {
    Verdict.PASS: "pass",
    Verdict.PARTIAL: "partial",
    Verdict.FAIL: "fail",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.UNKNOWN: "unknown",
}
_COUNTED = [
    (Verdict.PASS, "kept"),
    (Verdict.PARTIAL, "kept in part"),
    (Verdict.FAIL, "broken"),
    (Verdict.NOT_APPLICABLE, "not applicable"),
    (Verdict.UNKNOWN, "unknown"),
]
_ORDER = list(Severity)
# Control characters, and those that turn the direction of what follows.
_HOSTILE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Section:
    """One item with the findings that count for it, the worst first."""

    judgement: Judgement
    open: tuple[Finding, ...]
    known: tuple[Finding, ...]
    ignored: tuple[Finding, ...]


def clean(text: str) -> str:
    """On one line, and with nothing in it that a terminal or a page would obey."""
    return _HOSTILE.sub(lambda match: ascii(match[0])[1:-1], text)


def place(path: str, line: int | None) -> str:
    return clean(f"{path}:{line}" if path and line else path)


def evidence(one: Evidence) -> str:
    return f"{place(one.path, one.line)}  {clean(one.text)}" if one.path else clean(one.text)


def factors(audit: Audit) -> list[Judgement]:
    return [one for one in audit.judgements if one.item in FACTORS]


def ai_items(audit: Audit) -> list[Judgement]:
    """None when none of them applies."""
    found = [one for one in audit.judgements if one.item in AI_ITEMS]
    return found if any(one.verdict is not Verdict.NOT_APPLICABLE for one in found) else []


def summary(judgements: Sequence[Judgement]) -> str:
    """ "7 kept, 2 broken, 3 unknown": how many, of each."""
    counts = [(sum(one.verdict is verdict for one in judgements), word) for verdict, word in _COUNTED]
    return ", ".join(f"{count} {word}" for count, word in counts if count)


def counts(audit: Audit) -> str:
    """ "2 errors, 1 warning, 1 failed probe" of what is new and not ignored."""
    shown = [one.severity for one in audit.findings if not one.suppressed and not one.known]
    failed = sum(one.verdict in WORST for one in audit.observations)
    told = [(shown.count(Severity.ERROR), "error"), (shown.count(Severity.WARNING), "warning"),
            (failed, "failed probe"), (shown.count(Severity.INFO), "remark")]  # fmt: skip
    return ", ".join(number(count, word) for count, word in told if count) or "nothing"


def observations(audit: Audit) -> list[Observation]:
    """In the order of the factors, the worst of each first."""
    places, verdicts = list(REQUIREMENTS), [Verdict.FAIL, Verdict.PARTIAL, Verdict.PASS]
    verdicts += [one for one in Verdict if one not in verdicts]
    return sorted(audit.observations, key=lambda one: (places.index(one.item), verdicts.index(one.verdict), one.probe))


def sections(audit: Audit) -> list[Section]:
    """Those that have findings."""
    made = [_section(audit, judgement) for judgement in audit.judgements]
    return [one for one in made if one.open or one.known or one.ignored]


def _section(audit: Audit, judgement: Judgement) -> Section:
    own = sorted(
        (one for one in audit.findings if one.item == judgement.item),
        key=lambda one: (_ORDER.index(one.severity), one.rule, one.path, one.line or 0),
    )
    return Section(
        judgement,
        open=tuple(one for one in own if not one.suppressed and not one.known),
        known=tuple(one for one in own if one.known and not one.suppressed),
        ignored=tuple(one for one in own if one.suppressed),
    )
