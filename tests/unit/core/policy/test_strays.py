"""What an operation that was cut off leaves, by table."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from twelve.core.model import Process, ProcessState
from twelve.core.policy.strays import strays

OLD, NEW = UUID(int=100), UUID(int=200)
PLACES = dict.fromkeys([("web", 1), ("web", 2), ("worker", 1)], OLD) | {("web", 10_001): NEW}


def process(number, place, release=OLD, state=ProcessState.UP):
    kind, _, at = place.partition(".")
    stamp = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return Process(
        id=UUID(int=number), app_id=UUID(int=1), app="shop", type=kind, number=int(at), release_id=release,
        release_version=1, command="", state=state, size="eco", created_at=stamp, updated_at=stamp,
    )  # fmt: skip


WHOLE = [process(1, "web.1"), process(2, "web.2"), process(3, "worker.1")]
STARTING = ProcessState.STARTING


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([], set()),
        ([process(4, "web.1", NEW)], {4}),  # a deploy before its release was current
        ([process(4, "web.3")], {4}),  # scaled down, and not stopped yet
        ([process(4, "web.1", state=STARTING)], {4}),  # a restart whose new process is not healthy yet
        ([process(4, "web.1")], {1}),  # the same a moment later
        ([process(4, "clock.1")], {4}),  # a type that is gone
        ([process(4, "web.10001", NEW)], set()),  # a treatment of a rollout
        ([process(4, "web.10001", OLD)], {4}),  # a treatment's place, and the control's release
        ([process(4, "web.10002", NEW)], {4}),  # one treatment's process too many
    ],
)
def test_what_is_left_over(more, expected):
    assert {one.int for one in strays([*WHOLE, *more], PLACES)} == expected


def test_an_app_that_is_stopped_has_no_release_to_belong_to():
    assert len(strays(WHOLE, {})) == 3


def test_a_process_that_is_not_up_keeps_its_place():
    assert strays([process(1, "web.1", state=ProcessState.CRASHED)], PLACES) == set()
