"""The report for programs."""

import json
from dataclasses import asdict
from typing import Any

from twelve.audit.model import ITEMS, Audit, Finding, Judgement


def render(audit: Audit) -> str:
    return json.dumps(as_data(audit), indent=2, ensure_ascii=False) + "\n"


def as_data(audit: Audit) -> dict[str, Any]:
    return {
        "name": audit.name,
        "verdicts": {one.item: _judgement(one) for one in audit.judgements},
        "findings": [_finding(one) for one in audit.findings],
        "observations": [asdict(one) for one in audit.observations],
        "notes": list(audit.notes),
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "title": ITEMS[judgement.item],
        "verdict": judgement.verdict.value,
        "evidence": [asdict(one) for one in judgement.evidence],
        "todo": judgement.todo,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "factor": finding.item,
        "severity": finding.severity.value,
        "verdict": finding.verdict.value,
        "file": finding.path,
        "line": finding.line,
        "message": finding.message,
        "fix": finding.fix,
        "key": finding.key,
        "suppressed": finding.suppressed,
        "known": finding.known,
    }
