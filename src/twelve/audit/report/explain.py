"""A rule's page: what it finds, why, and what to do instead, with the examples that are its tests."""

from collections.abc import Iterator

from twelve.audit.model import ITEMS
from twelve.audit.rule import Example, Rule
from twelve.audit.rules import all_rules
from twelve.core.errors import NotFound


def explained(rule_id: str) -> str:
    if "-live-" in rule_id:
        return _of_probe(rule_id)
    rule = next((one for one in all_rules() if one.id == rule_id), None)
    if rule is None:
        raise NotFound(
            f"There is no rule {rule_id}.", resource="rule", hint="`twelve audit --format json` names those that hit."
        )
    return "\n".join(_lines(rule)) + "\n"


def _of_probe(probe_id: str) -> str:
    from twelve.audit.probes.run import all_probes  # noqa: PLC0415 - the whole platform comes with it

    probe = next((one for one in all_probes() if one.id == probe_id), None)
    if probe is None:
        raise NotFound(f"There is no probe {probe_id}.", resource="rule", hint="docs/audit-rules.md lists them.")
    head = f"{probe.id}  ({probe.severity}, factor {probe.item} {ITEMS[probe.item]}, with --live)"
    return f"{head}\n\nA good app: {probe.title}\n\nInstead: {probe.fix}\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.id}  ({rule.severity}, factor {rule.item} {ITEMS[rule.item]})"
    yield f"\n{rule.title}"
    if rule.why:
        yield rule.why
    yield f"\nInstead: {rule.fix}"
    yield "\nFound in:"
    yield from _example(rule.bad)
    yield "\nNot in:"
    yield from _example(rule.good)


def _example(files: Example) -> Iterator[str]:
    for path, text in files.items():
        yield f"  {path}"
        yield from (f"    | {line}" for line in text.rstrip("\n").split("\n"))
