from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from twelve.core.formats.syslog import Message
from twelve.core.policy import drain
from twelve.core.policy.drain import NONE, Losses, Verdict

THEN = datetime(2013, 4, 17, 19, 4, 46, 999_999, UTC)
LATER = THEN + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("status", "tries", "wanted"),
    [
        (200, 1, Verdict.DONE),
        (204, 3, Verdict.DONE),
        (400, 1, Verdict.DROP),
        (401, 1, Verdict.DROP),
        (429, 1, Verdict.RETRY),  # later it may be welcome
        (429, 3, Verdict.DROP),
        (301, 1, Verdict.RETRY),  # redirects are not followed
        (500, 1, Verdict.RETRY),
        (503, 2, Verdict.RETRY),
        (503, 3, Verdict.DROP),
        (None, 2, Verdict.RETRY),
        (None, 3, Verdict.DROP),
    ],
)
def test_verdicts(status, tries, wanted):
    assert drain.verdict(status, tries) is wanted


def test_the_ladder_of_delays():
    assert [round(drain.delay(step), 2) for step in range(1, 11)] == [
        0, 0.01, 0.03, 0.07, 0.15, 0.31, 0.63, 1.27, 2.55, 5.11,
    ]  # fmt: skip
    assert [drain.highest_step(failures) for failures in (0, 1, 2, 10, 11, 10_000)] == [1, 1, 2, 10, 10, 10]


def test_losses_add_up_and_remember_the_first():
    assert NONE + Losses(3, LATER) + NONE + Losses(2, THEN) == Losses(5, THEN)


def test_an_overflow_is_announced_first():
    message = Message(190, LATER, "app", "web.1", b"hello")
    first, second = drain.announced([message], Losses(7, THEN), LATER)
    assert second is message
    assert (first.priority, first.stamp, first.source, first.process) == (172, LATER, "heroku", "logplex")
    assert first.text == b"Error L10 (output buffer overflow): 7 messages dropped since 2013-04-17T19:04:46+00:00."
    assert list(drain.announced([message], NONE, LATER)) == [message]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("10.1.2.3", True),
        ("93.184.216.34", True),
        ("169.254.169.254", False),  # a cloud's metadata
        ("::ffff:169.254.169.254", False),
        ("fe80::1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("224.0.0.1", False),
    ],
)
def test_where_nothing_is_sent(address, allowed):
    assert (drain.refusal(ip_address(address)) is None) is allowed
