"""A rule's page: what it finds, why, and what to do instead, with the examples that are its tests."""

from collections.abc import Iterator

from twelve.audit.model import ITEMS
from twelve.audit.rule import Example, Rule
from twelve.audit.rules import all_rules
from twelve.core.errors import NotFound


def explained(rule_id: str) -> str:
    rule = next((one for one in all_rules() if one.id == rule_id), None)
    if rule is None:
        raise NotFound(
            f"There is no rule {rule_id}.", resource="rule", hint="`twelve audit --format json` names those that hit."
        )
    return "\n".join(_lines(rule)) + "\n"


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
