"""How well the audit agrees with people: hand-judged repositories beside what it says of them.

    benchmarks/audit_cases.py CASES.json CHECKOUTS [-v]

CASES.json holds, for each repository, `expected_findings`, `must_not_flag` and the `verdict` of each factor; CHECKOUTS
a directory "owner+name" for each at its commit. A finding counts when rule family and file agree within 3 lines. A trap
is sprung by a finding of that rule there above info. Prints one JSON line a repository and one for all.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from twelve.audit.audit import audit
from twelve.audit.model import Audit, Finding, Severity

NEAR = 3  # lines
POSITIVE = {"partial", "fail"}


def main() -> None:
    cases, checkouts = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    total: Counter[str] = Counter()
    for case in cases["repos"]:
        made = audit(checkouts / case["repo"].replace("/", "+"))
        found = [one for one in made.findings if not one.suppressed]
        missed = [want for want in case["expected_findings"] if not any(matches(one, want) for one in found)]
        sprung = [trap for trap in case["must_not_flag"] if any(springs(one, trap) for one in found)]
        wrong = differing(made, case)
        counts = Counter(
            expected=len(case["expected_findings"]), missed=len(missed), traps=len(case["must_not_flag"]),
            sprung=len(sprung), verdicts=judged(case), wrong=len(wrong),
        )  # fmt: skip
        total += counts
        print(json.dumps({"repo": case["repo"], **counts, "findings": len(found)}))
        if "-v" in sys.argv:
            show(missed, sprung, wrong, case, found)
    recall = 1 - total["missed"] / total["expected"]
    agree = 1 - total["wrong"] / total["verdicts"]
    print(json.dumps({"bench": "audit_cases", "recall": round(recall, 3), "sprung_traps": total["sprung"],
                      "verdicts_agree": round(agree, 3), **total}))  # fmt: skip


def matches(one: Finding, want: dict) -> bool:
    if one.rule.partition("-")[0] != want["rule"].partition("-")[0] or one.path != want["file"]:
        return False
    return want["line"] is None or one.line is None or abs(one.line - want["line"]) <= NEAR


def springs(one: Finding, trap: dict) -> bool:
    same = one.rule == trap["rule"] and one.path == trap["file"] and one.severity is not Severity.INFO
    return same and (trap["line"] is None or one.line is None or one.line == trap["line"])


def judged(case: dict) -> int:
    return sum(want["verdict"] != "unknown" for want in wanted(case).values())


def wanted(case: dict) -> dict[str, dict]:
    """Some AI items are a bare word."""
    ai = {item: want if isinstance(want, dict) else {"verdict": want, "why": ""} for item, want in case["ai"].items()}
    return case["factors"] | ai


def differing(made: Audit, case: dict) -> list[tuple[str, str, str]]:
    said = {one.item: one.verdict.value for one in made.judgements}
    return [
        (item, want["verdict"], said[item])
        for item, want in wanted(case).items()
        if want["verdict"] not in {"unknown", said[item]}
    ]


def show(missed: list, sprung: list, wrong: list, case: dict, found: list[Finding]) -> None:
    for want in missed:
        print(f"  missed  {want['rule']} {want['file']}:{want['line']}  {want['match']}  {want['note']}")
    for trap in sprung:
        print(f"  SPRUNG  {trap['rule']} {trap['file']}:{trap['line']}  {trap['match']}  {trap['why']}")
    for item, want, said in wrong:
        print(f"  verdict {item}: judged {want}, we say {said}  ({wanted(case)[item]['why']})")
    listed = [one for one in found if not any(matches(one, want) for want in case["expected_findings"])]
    for one in listed:
        print(f"  extra   {one.severity} {one.rule} {one.path}:{one.line}  {one.message}")


if __name__ == "__main__":
    main()
