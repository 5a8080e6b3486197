"""A signal ends what is inside in order, whatever becomes of the interrupt on its way."""

import os
import signal
import time

import click
import pytest

from twelve.faces.cli.ending import taken_away_first


def interrupted(number=signal.SIGINT):
    os.kill(os.getpid(), number)
    time.sleep(10)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_each_signal_has_its_status(number, status):
    before = signal.getsignal(number)
    with pytest.raises(click.exceptions.Exit) as ended, taken_away_first():
        interrupted(number)
    assert ended.value.exit_code == status
    assert signal.getsignal(number) is before


def test_what_a_library_makes_of_it_is_no_defect():
    def other_error():
        try:
            interrupted()
        except KeyboardInterrupt:
            raise ValueError from None

    with pytest.raises(click.exceptions.Exit) as ended, taken_away_first():
        other_error()
    assert ended.value.exit_code == 130


def test_one_that_was_swallowed_is_heard_at_the_next_step():
    """And nobody hurries the end."""

    def swallowed():
        try:
            interrupted()
        except KeyboardInterrupt:
            os.kill(os.getpid(), signal.SIGTERM)

    def two_steps(step):
        swallowed()
        step()
        taken.append(1)

    taken = []
    with pytest.raises(click.exceptions.Exit) as ended, taken_away_first() as step:
        two_steps(step)
    assert (ended.value.exit_code, taken) == (130, [])


def test_other_errors_are_what_they_are():
    with pytest.raises(ValueError, match="own"), taken_away_first():
        raise ValueError("own")
