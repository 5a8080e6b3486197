"""Rules of other packages: found by their entry point, and nothing is read in full when there is none."""

import sys

from twelve.audit import rules

PACKAGE = """
from twelve.audit.rule import WARNING, Rulebook

RULES = Rulebook()


@RULES.of_code("TF11-ours", WARNING, "X.", fix="Y.", bad={"a": ""}, good={"b": ""})
def nothing(code):
    yield from ()
"""


def test_an_installed_package_adds_its_rules(tmp_path, monkeypatch):
    own = rules.all_rules()
    (tmp_path / "house_rules.py").write_text(PACKAGE)
    info = tmp_path / "house_rules-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-rules\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[{rules.GROUP}]\nhouse = house_rules:RULES\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = rules.all_rules.__wrapped__()
    assert found[-1].id == "TF11-ours"
    assert found[:-1] == own
    sys.modules.pop("house_rules")


def test_without_one_there_are_only_ours():
    assert {rule.id for rule in rules.all_rules.__wrapped__()} == {rule.id for rule in rules.all_rules()}
