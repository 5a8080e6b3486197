"""SARIF 2.1.0 for code scanning: every rule is declared, so that an alert closes once its finding is gone."""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from twelve.audit.judge import WORST
from twelve.audit.model import ITEMS, Audit, Finding, Observation, Severity
from twelve.audit.report.words import clean
from twelve.audit.rule import Rule
from twelve.audit.rules import all_rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"  # what code scanning takes paths to be relative to
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
FIRST = {"startLine": 1}
# Code scanning keeps 5,000 results of a run and refuses one of more than 25,000; longer descriptions are cut off.
# https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit
MOST_RESULTS = 5000
LONGEST = 1000
PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}


def render(audit: Audit) -> str:
    return json.dumps(as_data(audit), indent=2, ensure_ascii=False) + "\n"


def as_data(audit: Audit) -> dict[str, Any]:
    rules = [_rule(rule) for rule in all_rules()]
    known = {rule["id"] for rule in rules}
    rules += [_observed(one) for one in {one.rule: one for one in audit.findings}.values() if one.rule not in known]
    rules += [_probe(one) for one in {one.probe: one for one in audit.observations}.values()]
    places = {rule["id"]: number for number, rule in enumerate(rules)}
    kept = _most_severe(audit.findings)
    left_out = len(audit.findings) - len(kept)
    notes = [*audit.notes, *([f"{left_out} more findings are in the other forms of the report."] if left_out else [])]
    run = {
        "tool": {"driver": {"name": "twelve", "version": version("twelve"), "rules": rules}},
        "automationDetails": {"id": "twelve-audit/"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The directory that was audited."}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [_note(n) for n in notes]}],
        "results": [
            *(_result(one, places[one.rule]) for one in kept),
            *(_seen(one, places[clean(one.probe)]) for one in audit.observations if one.verdict in WORST),
        ],
        "properties": {"verdicts": {one.item: one.verdict.value for one in audit.judgements}},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _most_severe(findings: Sequence[Finding]) -> list[Finding]:
    """What is new before what is known or ignored, the severe before the rest, in the order they were found."""
    order = list(Severity)
    ranked = sorted(
        findings, key=lambda one: (bool(one.known or one.suppressed is not None), order.index(one.severity))
    )
    kept = {id(one) for one in ranked[:MOST_RESULTS]}
    return [one for one in findings if id(one) in kept]


def _rule(rule: Rule) -> dict[str, Any]:
    why = f"{rule.title} {rule.why}".strip()
    return {
        **_described(rule.id, rule.item, rule.title, rule.severity),
        "fullDescription": {"text": why[:LONGEST]},
        "help": {"text": f"{why}\n\n{rule.fix}", "markdown": f"{why}\n\n**Instead:** {rule.fix}"},
    }


def _observed(finding: Finding) -> dict[str, Any]:
    """A finding of a rule that is not installed here."""
    return _described(finding.rule, finding.item, finding.message, finding.severity) | {"help": {"text": finding.fix}}


def _probe(seen: Observation) -> dict[str, Any]:
    what = seen.fix or seen.text
    return _described(clean(seen.probe), seen.item, what, seen.severity) | {"help": {"text": clean(what)}}


def _described(id_: str, item: str, title: str, severity: Severity) -> dict[str, Any]:
    return {
        "id": id_,
        "shortDescription": {"text": clean(title)[:LONGEST]},
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {
            "tags": ["twelve-factor", f"{item} {ITEMS[item]}"],
            "problem.severity": PROBLEMS[severity],
            "precision": "high",
        },
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    made = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": LEVELS[finding.severity],
        "message": {"text": f"{clean(finding.message)} {finding.fix}"},
        "locations": [{"physicalLocation": _place(finding)}],
        # The first is the one that code scanning goes by.
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.key}:1", "twelve/v1": finding.key},
        "baselineState": "unchanged" if finding.known else "new",
    }
    if finding.suppressed is not None:
        made["suppressions"] = [{"kind": "inSource", "justification": clean(finding.suppressed)}]
    elif finding.known:
        made["suppressions"] = [{"kind": "external", "justification": clean(finding.known)}]
    return made


def _seen(observation: Observation, rule: int) -> dict[str, Any]:
    """What the running app did is at no line: the whole directory is meant."""
    return {
        "ruleId": clean(observation.probe),
        "ruleIndex": rule,
        "level": LEVELS[observation.severity],
        "message": {"text": clean(f"{observation.text} {observation.fix}")},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": ".", "uriBaseId": ROOT}, "region": FIRST}}],
        "partialFingerprints": {"primaryLocationLineHash": f"{clean(observation.probe)}:1"},
    }


def _place(finding: Finding) -> dict[str, Any]:
    """Code scanning wants a file and a line for everything: the first one when the whole is meant."""
    return {
        "artifactLocation": {"uri": quote(finding.path) or ".", "uriBaseId": ROOT},
        "region": {"startLine": finding.line or 1},
    }


def _note(text: str) -> dict[str, Any]:
    return {"level": "note", "message": {"text": clean(text)}}
