"""Rules meet the codebase: findings, in the order of their factors. What was said of a file stays with its content."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.model import ITEMS, Finding, Hit
from twelve.audit.rule import MEANS, Rule


class Memory(Protocol):
    """What is known of a file from the last time: the hits of every file rule, by rule id."""

    def recall(self, file: SourceFile) -> dict[str, list[Hit]] | None: ...
    def remember(self, file: SourceFile, hits: dict[str, list[Hit]]) -> None: ...


class NoMemory:
    def recall(self, _file: SourceFile) -> dict[str, list[Hit]] | None:
        return None

    def remember(self, _file: SourceFile, _hits: dict[str, list[Hit]]) -> None:
        pass


def findings(code: Codebase, rules: Sequence[Rule], memory: Memory | None = None) -> list[Finding]:
    found = [
        *(_finding(rule, hit, code) for rule in rules if rule.check for hit in rule.check(code)),
        *_of_files(code, [rule for rule in rules if rule.file_check], memory or NoMemory()),
    ]
    order = list(ITEMS)
    return _keyed(code, sorted(set(found), key=lambda one: (order.index(one.item), one.path, one.line or 0, one.rule)))


def _of_files(code: Codebase, rules: Sequence[Rule], memory: Memory) -> Iterator[Finding]:
    by_id = {rule.id: rule for rule in rules}
    for file in code.files.values():
        hits = memory.recall(file)
        if hits is None:
            hits = _hits(file, rules)
            memory.remember(file, hits)
        for rule_id, own in hits.items():
            for hit in own:
                yield _finding(by_id[rule_id], hit, code)


def _hits(file: SourceFile, rules: Iterable[Rule]) -> dict[str, list[Hit]]:
    wanted = [rule for rule in rules if _may_apply(rule, file)]
    said = {rule.id: list(rule.file_check(file)) for rule in wanted if rule.file_check}
    return {rule_id: hits for rule_id, hits in said.items() if hits}


def _may_apply(rule: Rule, file: SourceFile) -> bool:
    if file.kind not in rule.kinds or (rule.languages and file.language not in rule.languages):
        return False
    return not rule.needles or any(needle in file.data for needle in rule.needles)


def _finding(rule: Rule, hit: Hit, _code: Codebase) -> Finding:
    severity = hit.severity or rule.severity
    meaning = hit.verdict or (rule.verdict if hit.severity is None else MEANS[severity])
    return Finding(
        rule.id, rule.item, severity, hit.path, hit.line, hit.message or rule.title, rule.fix, verdict=meaning
    )


def _keyed(code: Codebase, found: Iterable[Finding]) -> list[Finding]:
    """A finding is the same as long as its line says the same, wherever that line moves."""
    counted: dict[str, int] = {}
    keyed = []
    for one in found:
        file = code.get(one.path)
        line = file.lines[one.line - 1] if file and one.line and one.line <= len(file.lines) else ""
        said = "\0".join((one.rule, one.path, "".join(line.split())))
        counted[said] = counted.get(said, 0) + 1
        digest = hashlib.sha256(f"{said}\0{counted[said]}".encode(errors="replace")).hexdigest()
        keyed.append(replace(one, key=digest[:16]))
    return keyed
