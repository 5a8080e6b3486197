"""What a rule is: an id, a check, a fix, and two small codebases that show it; its tests and its page are made of them.

    RULES = Rulebook()

    @RULES.of_code("TF07-...", ERROR, "One sentence.", fix="...", bad={"Procfile": "..."}, good={"Procfile": "..."})
    def port_is_hard_coded(code: Codebase) -> Iterator[Hit]: ...

    @RULES.of_files("TF11-...", ERROR, "...", fix="...", bad=..., good=..., language="python", needles=("FileHandler",))
    def log_goes_to_a_file(file: SourceFile) -> Iterator[Hit]: ...

A rule of files is asked about one file at a time and sees nothing else, so what it said stays with the file's content.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.model import FACTORS, Hit, Severity, Verdict

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
MEANS = {ERROR: Verdict.FAIL, WARNING: Verdict.PARTIAL, INFO: Verdict.PASS}
RUN = frozenset({Kind.PRODUCTION})  # the files that run for users

CodeCheck = Callable[[Codebase], Iterable[Hit]]
FileCheck = Callable[[SourceFile], Iterable[Hit]]
Example = Mapping[str, str]  # path -> text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`check` sees all, `file_check` one file of `languages` and `kinds` that has one of `needles` in it.

    No languages: every text file. No needles: every file.
    """

    id: str
    severity: Severity
    title: str
    fix: str
    bad: Example
    good: Example
    why: str = ""
    verdict: Verdict
    check: CodeCheck | None = None
    file_check: FileCheck | None = None
    languages: tuple[str, ...] = ()
    needles: tuple[bytes, ...] = ()
    kinds: frozenset[Kind] = RUN

    @property
    def item(self) -> str:
        """The numeral of its factor, or the AI checklist item."""
        return item_of(self.id)


def item_of(rule_id: str) -> str:
    prefix = rule_id.partition("-")[0]
    return prefix if prefix.startswith("AI") else list(FACTORS)[int(prefix[2:]) - 1]


class Rulebook:
    """The rules of one module, in the order they are written."""

    def __init__(self) -> None:
        self.rules: list[Rule] = []

    def of_code(
        self, id_: str, severity: Severity, title: str, *,
        fix: str, bad: Example, good: Example, why: str = "", verdict: Verdict | None = None,
    ) -> Callable[[CodeCheck], CodeCheck]:  # fmt: skip
        def add(check: CodeCheck) -> CodeCheck:
            self.rules.append(
                Rule(id=id_, severity=severity, title=title, fix=fix, bad=bad, good=good, why=why,
                     verdict=verdict or MEANS[severity], check=check)
            )  # fmt: skip
            return check

        return add

    def of_files(
        self, id_: str, severity: Severity, title: str, *,
        fix: str, bad: Example, good: Example, why: str = "", verdict: Verdict | None = None,
        language: str | tuple[str, ...] = (), needles: Iterable[str] = (), kinds: Iterable[Kind] = RUN,
    ) -> Callable[[FileCheck], FileCheck]:  # fmt: skip
        languages = (language,) if isinstance(language, str) else language

        def add(check: FileCheck) -> FileCheck:
            self.rules.append(
                Rule(id=id_, severity=severity, title=title, fix=fix, bad=bad, good=good, why=why,
                     verdict=verdict or MEANS[severity], file_check=check, languages=languages,
                     needles=tuple(needle.encode() for needle in needles), kinds=frozenset(kinds))
            )  # fmt: skip
            return check

        return add
