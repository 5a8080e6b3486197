"""A model that keeps failing is left alone for a while."""

import pytest
from twelve_runtime.ml.breaker import Breaker


class World:
    def __init__(self, failures=3, seconds=30.0):
        self.now, self.told = 0.0, []
        self.breaker = Breaker(failures, seconds, lambda: self.now, lambda *change: self.told.append(change))

    def fail(self, times=1):
        for _ in range(times):
            assert self.breaker.admit()
            self.breaker.failed()


@pytest.fixture
def world():
    return World()


def test_it_opens_after_so_many_failures_in_a_row(world):
    world.fail(2)
    world.breaker.succeeded()
    world.fail(2)
    assert world.breaker.admit()
    world.breaker.failed()
    assert not world.breaker.admit()
    assert world.told == [("closed", "open", 3)]


def test_after_the_pause_one_at_a_time_may_try(world):
    world.fail(3)
    world.now = 29.9
    assert not world.breaker.admit()
    world.now = 30.0
    assert [world.breaker.admit() for _ in range(3)] == [True, False, False]
    world.breaker.succeeded()
    assert [world.breaker.admit() for _ in range(3)] == [True, True, True]
    assert [change[:2] for change in world.told] == [
        ("closed", "open"), ("open", "half-open"), ("half-open", "closed"),
    ]  # fmt: skip


def test_a_try_that_fails_waits_again_in_full(world):
    world.fail(3)
    world.now = 31.0
    world.fail()
    world.now = 60.9
    assert not world.breaker.admit()
    world.now = 61.0
    assert world.breaker.admit()


def test_a_try_that_nobody_waits_for_makes_room_for_the_next(world):
    world.fail(3)
    world.now = 30.0
    assert world.breaker.admit()
    world.breaker.abandoned()
    assert world.breaker.admit()
