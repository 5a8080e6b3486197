"""What the audit says of our own examples: legacy breaks the factors for the reasons its README gives, notes keeps them."""

from pathlib import Path

import pytest

from twelve.audit.audit import audit
from twelve.audit.model import FACTORS, ITEMS, Verdict

EXAMPLES = Path(__file__).parents[3] / "examples"
# factor -> a rule and the file in which it has to see the reason
REASONS = {
    "I": ("TF01-shared-code", "newsletter/requirements.txt"),
    "II": ("TF02-undeclared-import", "shop/orders.py"),
    "III": ("TF03-hardcoded-secret", "shop/config.py"),
    "IV": ("TF04-hardcoded-backing-service", "shop/config.py"),
    "V": ("TF05-build-at-run", "start.sh"),
    "VI": ("TF06-local-upload", "shop/app.py"),
    "VII": ("TF07-bind-loopback", "shop/app.py"),
    "VIII": ("TF08-daemonize", "start.sh"),
    "IX": ("TF09-sigterm-ignored", "shop/app.py"),
    "X": ("TF10-sqlite-dev", "shop/config.py"),
    "XI": ("TF11-file-handler", "shop/app.py"),
    "XII": ("TF12-http-admin-endpoint", "shop/app.py"),
}


@pytest.fixture(scope="module")
def legacy():
    return audit(EXAMPLES / "legacy")


@pytest.fixture(scope="module")
def notes():
    return audit(EXAMPLES / "notes")


def test_every_factor_has_a_reason():
    assert list(REASONS) == list(FACTORS)


@pytest.mark.parametrize("item", REASONS)
def test_legacy_fails_for_the_reason_that_is_there(legacy, item):
    verdicts = {one.item: one.verdict for one in legacy.judgements}
    assert verdicts[item] is Verdict.FAIL
    assert REASONS[item] in {(one.rule, one.path) for one in legacy.findings}


def test_the_readme_of_legacy_has_a_line_for_each_factor():
    lines = (EXAMPLES / "legacy" / "README.md").read_text().splitlines()
    assert [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:] == list(FACTORS)
    for line in lines:
        for name in line.split("|")[3].split(",") if line.startswith("| ") and "`" in line else []:
            assert (EXAMPLES / "legacy" / name.strip(" `")).exists(), name


def test_notes_breaks_nothing_that_is_not_accepted_with_a_reason(notes):
    assert {one.item: one.verdict for one in notes.judgements if one.item in FACTORS} == dict.fromkeys(FACTORS, "pass")
    assert not notes.notes
    assert all(len(one.suppressed) > 20 for one in notes.findings if one.suppressed is not None)


def test_digits_keeps_all_factors_and_all_items_of_machine_learning():
    digits = audit(EXAMPLES / "digits")
    assert {one.item: one.verdict for one in digits.judgements} == dict.fromkeys(ITEMS, "pass")
    assert not digits.notes
    assert [one.rule for one in digits.findings if one.suppressed is None] == []
    assert all(len(one.suppressed) > 20 for one in digits.findings)
