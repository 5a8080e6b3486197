"""JUnit for CI: one testcase a rule, below its factor. Errors and warnings fail it, ignored findings skip it."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from twelve.audit.judge import WORST
from twelve.audit.model import ITEMS, Audit, Finding, Judgement, Observation, Severity, Verdict
from twelve.audit.report.words import LABELS, clean, place
from twelve.audit.rules import all_rules


def render(audit: Audit) -> str:
    root = ET.Element("testsuites", name="twelve audit")
    titles = {rule.id: (rule.item, rule.title) for rule in all_rules()}
    titles = {one.rule: (one.item, one.message) for one in audit.findings} | titles
    for judgement in audit.judgements:
        rules = {id_: title for id_, (item, title) in titles.items() if item == judgement.item}
        own = [one for one in audit.findings if one.item == judgement.item]
        root.append(_suite(judgement, rules, own, [one for one in audit.observations if one.item == judgement.item]))
    for key in ("tests", "failures", "errors"):
        root.set(key, str(sum(int(suite.get(key, 0)) for suite in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(
    judgement: Judgement, rules: dict[str, str], findings: Sequence[Finding], seen: Sequence[Observation]
) -> ET.Element:
    name = f"{judgement.item} {ITEMS[judgement.item]}"
    suite = ET.Element("testsuite", name=name)
    properties = ET.SubElement(suite, "properties")
    ET.SubElement(properties, "property", name="verdict", value=LABELS[judgement.verdict])
    for id_, title in rules.items():
        suite.append(_case(name, id_, title, [one for one in findings if one.rule == id_]))
    suite.extend(_probe(name, one) for one in seen)
    suite.set("tests", str(len(rules) + len(seen)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    suite.set("errors", "0")
    return suite


def _case(suite: str, rule: str, title: str, findings: Sequence[Finding]) -> ET.Element:
    case = ET.Element("testcase", classname=suite, name=f"{rule}: {clean(title)}")
    new = [one for one in findings if not one.suppressed and not one.known]
    bad = [one for one in new if one.severity is not Severity.INFO]
    ignored = [one for one in findings if one.suppressed]
    if bad:
        failure = ET.SubElement(case, "failure", message=clean(bad[0].message), type=bad[0].severity.value)
        failure.text = _told(bad)
    elif ignored:
        ET.SubElement(case, "skipped", message=clean(f"ignored: {ignored[0].suppressed}"))
    if rest := [one for one in findings if one not in bad and not one.suppressed]:
        ET.SubElement(case, "system-out").text = _told(rest)
    return case


def _probe(suite: str, seen: Observation) -> ET.Element:
    """What could not be observed is skipped, with the reason."""
    case = ET.Element("testcase", classname=suite, name=clean(seen.probe))
    text = clean(seen.text)
    if seen.verdict in WORST:
        failure = ET.SubElement(case, "failure", message=text, type=seen.severity.value)
        failure.text = " ".join(filter(None, [text, clean(seen.fix), clean(seen.again)]))
    elif seen.verdict is Verdict.PASS:
        ET.SubElement(case, "system-out").text = text
    else:
        ET.SubElement(case, "skipped", message=text)
    return case


def _told(findings: Iterable[Finding]) -> str:
    """A line a finding."""
    return "\n".join(" ".join(filter(None, _words(one))) for one in findings)


def _words(one: Finding) -> list[str]:
    return [place(one.path, one.line), clean(one.message), one.fix, f"({clean(one.known)})" if one.known else ""]
