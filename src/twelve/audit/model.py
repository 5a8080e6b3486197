"""Verdicts, findings and evidence: what an audit says, whoever shows it."""

from dataclasses import dataclass, field
from enum import StrEnum

FACTORS = {
    "I": "Codebase",
    "II": "Dependencies",
    "III": "Config",
    "IV": "Backing services",
    "V": "Build, release, run",
    "VI": "Processes",
    "VII": "Port binding",
    "VIII": "Concurrency",
    "IX": "Disposability",
    "X": "Dev/prod parity",
    "XI": "Logs",
    "XII": "Admin processes",
}
AI_ITEMS = {
    "AI01": "Versioned data",
    "AI02": "Models as immutable releases",
    "AI03": "Stateless inference",
    "AI04": "Model version in the environment",
    "AI05": "Scaling out",
    "AI06": "Metrics to stdout",
    "AI07": "Fallback",
    "AI08": "Rollout",
    "AI09": "Scheduled retraining",
}
ITEMS = FACTORS | AI_ITEMS


def number(count: int, word: str) -> str:
    """ "1 file", "2 files"."""
    return f"{count} {word}{'' if count == 1 else 's'}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict
    PARTIAL = "partial"
    FAIL = "fail"
    NOT_APPLICABLE = "na"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule's check found: `line` counts from 1, None means the whole file. Empty fields are the rule's own.

    `verdict` is what it makes of its factor, when that is not what the severity says.
    """

    path: str
    line: int | None = None
    message: str = ""
    severity: Severity | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """`suppressed` is the reason somebody gave for ignoring it. `key` names it over moves of its line.

    `known` says why it is not new: it counts for the verdict, and not for the exit code.
    """

    rule: str
    item: str
    severity: Severity
    path: str
    line: int | None
    message: str
    fix: str
    verdict: Verdict
    key: str = ""
    suppressed: str | None = None
    known: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a verdict, and where to see it. `path` is empty for what is true of the whole codebase."""

    text: str
    path: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """One factor's or AI item's verdict. `todo` is one line; empty when there is nothing to do."""

    item: str
    verdict: Verdict
    evidence: tuple[Evidence, ...] = ()
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe did and saw. `verdict` is unknown when it could not be carried out; `text` says why."""

    probe: str
    item: str
    severity: Severity
    verdict: Verdict
    text: str
    fix: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """`notes` are what the audit could not look at, in sentences; `observations` are those of --live."""

    name: str
    judgements: tuple[Judgement, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = field(default=())
    observations: tuple[Observation, ...] = field(default=())
