"""Rules meet the codebase: findings, in the order of their factors. What was said of a file stays with its content."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from twelve.audit.added import failed
from twelve.audit.codebase import EXTRACTIONS, Codebase, Extraction, SourceFile
from twelve.audit.model import ITEMS, Finding, Hit
from twelve.audit.rule import MEANS, Rule
from twelve.audit.sieve import Sieve

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Said:
    """Of one file: the hits of the rules of files by their id, and what the extractions say by theirs."""

    hits: dict[str, list[Hit]] = field(default_factory=dict)
    extracts: dict[str, Any] = field(default_factory=dict)


class Memory(Protocol):
    """What is known of a file from the last time."""

    def recall(self, file: SourceFile) -> Said | None: ...
    def remember(self, file: SourceFile, said: Said) -> None: ...


class NoMemory:
    def recall(self, _file: SourceFile) -> Said | None:
        return None

    def remember(self, _file: SourceFile, _said: Said) -> None:
        pass


def findings(code: Codebase, rules: Sequence[Rule], memory: Memory | None = None) -> list[Finding]:
    """Files first: what is extracted from them the rules of the whole codebase may ask for."""
    found = list(_of_files(code, [rule for rule in rules if rule.file_check], memory or NoMemory()))
    found += [_finding(rule, hit, code) for rule in rules if rule.check for hit in _hits(rule, rule.check, code)]
    order = list(ITEMS)
    return _keyed(code, sorted(set(found), key=lambda one: (order.index(one.item), one.path, one.line or 0, one.rule)))


def _of_files(code: Codebase, rules: Sequence[Rule], memory: Memory) -> Iterator[Finding]:
    by_id = {rule.id: rule for rule in rules}
    asking: list[Rule | Extraction[Any]] = [*rules, *EXTRACTIONS.values()]
    sieve = Sieve(asking)
    for file in code.files.values():
        said = memory.recall(file)
        if said is None:
            said = _said(file, sieve.passed(file))
            memory.remember(file, said)
        file.forget()
        code.keep(file, said.extracts)
        yield from (_finding(by_id[rule_id], hit, code) for rule_id, own in said.hits.items() for hit in own)


def _said(file: SourceFile, asking: Iterable[Rule | Extraction[Any]]) -> Said:
    """Only what is not empty."""
    said = Said()
    for one in asking:
        if isinstance(one, Extraction):
            if extract := one(file):
                said.extracts[one.id] = extract
        elif one.file_check and (hits := _hits(one, one.file_check, file)):
            said.hits[one.id] = hits
    return said


def _hits(rule: Rule, check: Callable[[S], Iterable[Hit]], subject: S) -> list[Hit]:
    try:
        return list(check(subject))
    except Exception as error:
        if told := failed(rule, error):
            raise told from error
        raise


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
