"""Findings that somebody has accepted: a comment at the line, or an entry of twelve.toml, each with its reason.

behind the comment sign of the language, at the line or the one above

    twelve: ignore[TF03-hardcoded-secret] the key of the demo until 2027-01-31

in twelve.toml

    [[audit.ignore]]
    rule = "TF06-local-upload"
    paths = ["legacy/**"]
    reason = "goes with the old shop"
    until = 2027-01-31

Without a reason, or past its date, an ignore has no effect and is told.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts.manifests import parsed_toml
from twelve.audit.model import Finding

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

CONFIG = "twelve.toml"
HEAD = 5  # lines at the top of a file, where an ignore is for what is said of the whole file
MOST_TOLD = 20
WHERE_TOLD = frozenset(
    {Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD}
)  # elsewhere one that has no effect may be a sample
_COMMENT = re.compile(
    r"^(?P<before>.*?)(?:\#|//|--|/\*|<!--|;|\{\#"
    r"|<%\#)\s*twelve: ignore\[(?P<rules>[^\]\n]{0,300}+)\](?P<rest>[^\n]*+)$",
    re.MULTILINE,
)
_CLOSED = re.compile(r"(?:\*/|-->|\#\}|%>)\s*+$")
_UNTIL = re.compile(r"[\[(]?\buntil (\S+?)[\])]?$")
_WHOLE = frozenset({"*", "**", "."})


@dataclass(frozen=True, slots=True)
class Ignore:
    """`where` is how a person finds it; `lines` are None for whole files, `spec` None for the one file of `path`."""

    where: str
    rules: tuple[str, ...]
    reason: str
    until: str = ""
    path: str = ""
    lines: frozenset[int | None] | None = None
    spec: "GitIgnoreSpec | None" = None
    told: bool = True

    def covers(self, finding: Finding) -> bool:
        if finding.rule not in self.rules:
            return False
        if self.spec is not None:
            return self.spec.match_file(finding.path) if finding.path else self.lines == frozenset({None})
        return finding.path == self.path and finding.line in (self.lines or ())


@extraction(needles=("twelve: ignore[",), kinds=Kind)
def comments(file: SourceFile) -> list[tuple[int, str, str, bool]]:
    """Line, rules, the rest, and whether nothing else is on the line."""
    return [
        (line, match["rules"], _CLOSED.sub("", match["rest"]).strip(), not match["before"].strip(" \t*"))
        for line, match in file.search(_COMMENT)
    ]


def ignored(
    code: Codebase, findings: Sequence[Finding], known: Collection[str], today: date
) -> tuple[list[Finding], list[str]]:
    """The findings, with reasons where they are ignored, and a sentence for each ignore without effect."""
    notes: list[str] = []
    good = []
    for one in [*_of_comments(code), *_of_config(code)]:
        if problem := _problem(one, known, today):
            notes.append(f"{one.where}: {problem}")
        else:
            good.append(one)
    covered = [(finding, next((one for one in good if one.covers(finding)), None)) for finding in findings]
    made = [replace(finding, suppressed=one.reason) if one else finding for finding, one in covered]
    notes += [
        f"{one.where}: the ignore of {', '.join(one.rules)} can go, there is nothing to ignore."
        for one in good
        if one.told and not any(one.covers(finding) for finding in findings)
    ]
    return made, _fewer(notes)


def _problem(one: Ignore, known: Collection[str], today: date) -> str:
    rules = ", ".join(one.rules)
    if not one.rules:
        return "this ignore names no rule: ignore[TF03-hardcoded-secret] reason."
    if unknown := [rule for rule in one.rules if rule not in known]:
        return f"there is no rule {unknown[0]}."
    if not one.reason:
        return f"the ignore of {rules} gives no reason, so it has no effect: write why the finding is right here."
    if not one.until:
        return ""
    try:
        over = date.fromisoformat(one.until) < today
    except ValueError:
        return f"the ignore of {rules} ends on {one.until}, which is no date: write until 2027-01-31."
    return f"the ignore of {rules} ended on {one.until}, so the finding is back." if over else ""


def _of_comments(code: Codebase) -> Iterator[Ignore]:
    for file, said in code.extracted(comments):
        alone = {line for line, _, _, is_alone in said if is_alone}
        for line, rules, rest, is_alone in said:
            reason, until = _dated(rest)
            yield Ignore(
                f"{file.path}:{line}", _names(rules), reason, until, file.path,
                _lines(line, alone if is_alone else set()), told=file.kind in WHERE_TOLD,
            )  # fmt: skip


def _lines(line: int, alone: set[int]) -> frozenset[int | None]:
    """Its own, and the next one that is no such comment when it stands alone."""
    meant: set[int | None] = {line}
    if line in alone:
        following = line + 1
        while following in alone:
            following += 1
        meant.add(following)
    return frozenset(meant | {None} if line <= HEAD else meant)


def _dated(rest: str) -> tuple[str, str]:
    match = _UNTIL.search(rest)
    return (rest[: match.start()].strip(), match[1]) if match else (rest, "")


def _of_config(code: Codebase) -> Iterator[Ignore]:
    file = code.get(CONFIG)
    section = parsed_toml(file).get("audit") if file else None
    entries = section.get("ignore") if isinstance(section, dict) else None
    for number, entry in enumerate(entries if isinstance(entries, list) else [], start=1):
        if isinstance(entry, dict):
            yield _of_entry(f"{CONFIG}: audit.ignore {number}", entry)


def _of_entry(where: str, entry: dict[str, Any]) -> Ignore:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415 - few have a twelve.toml, and it is slow to import

    paths = [path for path in _listed(entry.get("paths")) if path]
    whole = frozenset({None}) if _WHOLE & set(paths) else None
    reason, until = entry.get("reason"), entry.get("until")
    return Ignore(
        where, tuple(_listed(entry.get("rule"))), reason.strip() if isinstance(reason, str) else "",
        "" if until is None else str(until), lines=whole, spec=GitIgnoreSpec.from_lines(paths),
    )  # fmt: skip


def _listed(value: Any) -> list[str]:
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _names(rules: str) -> tuple[str, ...]:
    return tuple(name for one in rules.split(",") if (name := one.strip()))


def _fewer(notes: Iterable[str]) -> list[str]:
    every = list(notes)
    more = len(every) - MOST_TOLD
    return every if more <= 0 else [*every[:MOST_TOLD], f"{more} more ignores have no effect."]
