"""twelve by its own yardstick: nothing is found above a remark that has no reason in twelve.toml."""

from tests.support.live import ROOT
from twelve.audit.audit import audit
from twelve.audit.model import Severity


def test_twelve_passes_its_own_audit():
    made = audit(ROOT)
    serious = [one for one in made.findings if one.severity is not Severity.INFO]
    assert [(one.rule, one.path, one.line) for one in serious if not one.suppressed] == []
    assert [note for note in made.notes if "ignore" in note] == []
    assert serious, "the ignores are there for something"
