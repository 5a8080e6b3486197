"""The page of one rule or probe, and what is said of one that does not exist."""

import pytest

from twelve.audit.report.explain import explained
from twelve.core.errors import NotFound


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("TF03-hardcoded-secret", "TF03-hardcoded-secret  (error, factor III Config)"),
        ("AI09-retrain-in-web", "AI09-retrain-in-web  (error, AI09 Scheduled retraining)"),
        ("TF04-live-swap", "TF04-live-swap  (error, factor IV Backing services, with --live)"),
    ],
)
def test_its_first_line_says_what_it_is(name, head):
    assert explained(name).splitlines()[0] == head


@pytest.mark.parametrize(
    ("name", "near"),
    [("tf03-hardcoded-secret", "TF03-hardcoded-secret"), ("TF04-live-swp", "TF04-live-swap"), ("x", "audit-rules.md")],
)
def test_a_slip_is_answered_with_what_was_meant(name, near):
    with pytest.raises(NotFound, match=near):
        explained(name)
