"""What was seen of the running app, beside what its code says."""

import pytest

from twelve.audit.judge import observed
from twelve.audit.model import Evidence, Judgement, Observation, Severity, Verdict

LATER = "Run the audit with --live: the code alone does not tell."
UNKNOWN = Judgement("IX", Verdict.UNKNOWN, (Evidence("Nothing in the code speaks for or against it."),), LATER)
KEPT = Judgement("IX", Verdict.PASS, (Evidence("gunicorn"),))
BROKEN = Judgement("IX", Verdict.PARTIAL, (Evidence("no handler"),), "Handle SIGTERM.")


def seen(verdict, text, severity=Severity.ERROR):
    return Observation("TF09-live-x", "IX", severity, verdict, text, "Exit.")


@pytest.mark.parametrize(
    ("said", "verdict", "todo"),
    [
        (UNKNOWN, Verdict.FAIL, "Exit."),
        (KEPT, Verdict.FAIL, "Exit."),
        (BROKEN, Verdict.FAIL, "Handle SIGTERM."),
    ],
)
def test_what_failed_says_what_to_do(said, verdict, todo):
    (one,) = observed([said], [seen(Verdict.FAIL, "It hung.")])
    assert (one.verdict, one.todo) == (verdict, todo)
    assert one.evidence[0].text == "TF09-live-x: It hung."


def test_how_to_see_it_again_is_a_sentence_of_its_own():
    told = Observation(
        "TF07-live-x", "IX", Severity.ERROR, Verdict.FAIL, "Its last line: on 5017", "Bind.", "twelve up"
    )
    (one,) = observed([UNKNOWN], [told])
    assert one.evidence[0].text == "TF07-live-x: Its last line: on 5017. See it again: `twelve up`."


def test_nobody_is_sent_to_a_live_audit_that_was_just_made():
    (one,) = observed([UNKNOWN], [seen(Verdict.UNKNOWN, "It does not run."), seen(Verdict.UNKNOWN, "It does not run.")])
    assert (one.verdict, one.todo) == (Verdict.UNKNOWN, "")
    assert [evidence.text for evidence in one.evidence] == ["Not observed: It does not run."]
    (one,) = observed([UNKNOWN], [])
    assert (one.evidence, one.todo) == (UNKNOWN.evidence, "")
