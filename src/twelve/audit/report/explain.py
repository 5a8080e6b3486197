"""A rule's page: what it finds, why, and what to do instead, with the examples that are its tests."""

from collections.abc import Iterator
from difflib import get_close_matches

from twelve.audit.model import AI_ITEMS, ITEMS
from twelve.audit.rule import Example, Rule
from twelve.audit.rules import all_rules
from twelve.core.errors import NotFound


def explained(rule_id: str) -> str:
    if "-live-" in rule_id:
        return _of_probe(rule_id)
    rule = next((one for one in all_rules() if one.id == rule_id), None)
    if rule is None:
        raise _unknown("rule", rule_id, [one.id for one in all_rules()])
    return "\n".join(_lines(rule)) + "\n"


def _of_probe(probe_id: str) -> str:
    from twelve.audit.probes.run import all_probes  # noqa: PLC0415 - the whole platform comes with it

    probe = next((one for one in all_probes() if one.id == probe_id), None)
    if probe is None:
        raise _unknown("probe", probe_id, [one.id for one in all_probes()])
    head = f"{probe.id}  ({probe.severity}, {_item(probe.item)}, with --live)"
    return f"{head}\n\nA good app: {probe.title}\n\nInstead: {probe.fix}\n"


def _unknown(kind: str, name: str, known: list[str]) -> NotFound:
    near = get_close_matches(name, known, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "docs/audit-rules.md lists them all."
    return NotFound(f"There is no {kind} {name}.", resource="rule", hint=hint)


def _item(item: str) -> str:
    return f"{item} {ITEMS[item]}" if item in AI_ITEMS else f"factor {item} {ITEMS[item]}"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"{rule.id}  ({rule.severity}, {_item(rule.item)})"
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
