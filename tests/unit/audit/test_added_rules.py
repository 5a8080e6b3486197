"""Rules of other packages: found by their entry point; one that is wrong is named, and nobody takes it for ours."""

import sys

import pytest

from twelve.audit import rules
from twelve.audit.added import GROUP
from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.core.errors import UsageError

PACKAGE = """
from twelve.audit.rule import WARNING, Rulebook

RULES = Rulebook()


@RULES.of_code("TF11-ours", WARNING, "X.", fix="Y.", bad={"a": ""}, good={"b": ""})
def nothing(code):
    yield from ()
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """All rules, once a package with this code and this entry point is there too."""

    def install(code=PACKAGE, entry="house_rules:RULES"):
        (tmp_path / "house_rules.py").write_text(code)
        info = tmp_path / "house_rules-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house-rules\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\nhouse = {entry}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return rules.all_rules.__wrapped__()

    yield install
    sys.modules.pop("house_rules", None)


def test_an_installed_package_adds_its_rules(installed):
    own = rules.all_rules()
    found = installed()
    assert found[-1].id == "TF11-ours"
    assert found[:-1] == own


def test_without_one_there_are_only_ours():
    assert {rule.id for rule in rules.all_rules.__wrapped__()} == {rule.id for rule in rules.all_rules()}


@pytest.mark.parametrize(
    ("code", "entry", "what"),
    [
        (PACKAGE, "nowhere:RULES", "No module named 'nowhere'"),
        (PACKAGE, "house_rules:WARNING", "no Rulebook"),
        ("import os\n1 / 0\n", "house_rules:RULES", "ZeroDivisionError"),
        (PACKAGE.replace("TF11-ours", "house-ours"), "house_rules:RULES", "'house-ours'"),
        (PACKAGE.replace("TF11-ours", "TF13-ours"), "house_rules:RULES", "'TF13-ours'"),
        (PACKAGE.replace("TF11-ours", "TF03-hardcoded-secret"), "house_rules:RULES", "already"),
    ],
)
def test_a_package_that_does_it_wrong_is_named(installed, code, entry, what):
    with pytest.raises(UsageError, match=f"house-rules .*{what}"):
        installed(code, entry)


@pytest.mark.parametrize("form", ['of_code("TF11-ours", ', 'of_files("TF11-ours", '])
def test_a_rule_that_fails_is_named_with_its_package(installed, form):
    code = PACKAGE.replace('of_code("TF11-ours", ', form).replace("yield from ()", "yield 1 / 0")
    with pytest.raises(UsageError, match=r"TF11-ours, which house_rules adds, failed: ZeroDivisionError"):
        findings(Codebase.of({"app.py": "x = 1\n"}), installed(code)[-1:])
