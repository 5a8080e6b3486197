"""The walk down the chain, without waiting: a test answers what a loop or a thread would."""

from concurrent.futures import Future

import numpy as np
import pytest
from twelve_runtime.artifacts.tensors import Signature, Tensor
from twelve_runtime.ml import running
from twelve_runtime.ml.breaker import Breaker
from twelve_runtime.ml.chain import Chain
from twelve_runtime.ml.errors import Exhausted
from twelve_runtime.ml.model import Level

SIGNATURE = Signature((Tensor("X", "FP32", (-1,)),), (Tensor("y", "FP32", (-1,)),))
INPUTS = {"X": np.zeros(2, np.float32)}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def says(value, dtype=np.float32, rows=2):
    return lambda _: {"y": np.full(rows, value, dtype)}


def breaks(_):
    raise ZeroDivisionError("model")


def level(version, predict, clock=None, **more):
    return Level(version, None, predict, Breaker(3, 30, clock or Clock(), lambda *_: None), **more)


def chain(*levels, clock=None, submit=None):
    return Chain(levels, SIGNATURE, 1.0, submit, clock or Clock())


def walked(found):
    answer = running.in_thread(found.walk(INPUTS, 2))
    return answer.outputs["y"].tolist()[0], answer.fallback, answer.reason


@pytest.mark.parametrize(
    ("primary", "reason"),
    [
        (breaks, "exception"),
        (None, "not_loaded"),
        (says(np.nan), "invalid_output"),
        (says(1, np.float64), "invalid_output"),
        (says(1, rows=3), "invalid_output"),
        (lambda _: {}, "invalid_output"),
    ],
)
def test_the_next_level_answers_and_says_why(primary, reason):
    assert walked(chain(level("3", primary), level("2", says(2)))) == (2, 1, reason)


def test_the_first_reason_counts_and_the_number_is_the_level_s():
    found = chain(level("3", None), level("2", breaks), level("default", says(9), certain=True))
    assert walked(found) == (9, 2, "not_loaded")


def test_a_chain_without_an_end_says_what_the_last_level_did():
    with pytest.raises(Exhausted, match="exception") as caught:
        walked(chain(level("3", None), level("2", breaks)))
    assert caught.value.kind == "exception"


def test_a_model_that_keeps_failing_is_skipped():
    found = chain(level("3", breaks), level("2", says(2)))
    assert [walked(found)[2] for _ in range(4)] == ["exception"] * 3 + ["breaker_open"]


def test_a_late_answer_on_the_loop_is_used_and_counts():
    clock = Clock()

    def late(inputs):
        clock.now += 1.5
        return says(3)(inputs)

    primary = level("3", late, clock)
    found = chain(primary, level("2", says(2)), clock=clock)
    assert [walked(found)[:2] for _ in range(3)] == [(3, 0)] * 3
    assert walked(found) == (2, 1, "breaker_open")


def test_a_deadline_passes_and_the_whole_request_has_two_of_them():
    clock, waits = Clock(), []
    slow = [level(name, says(1), clock, quick=False) for name in "321"]
    found = chain(*slow, level("default", says(9), certain=True), clock=clock, submit=lambda *_: Future())
    walk = found.walk(INPUTS, 2)
    wait = walk.send(None)
    try:
        while True:
            waits.append(wait.seconds)
            clock.now += wait.seconds + 0.25
            wait = walk.throw(TimeoutError())
    except StopIteration as done:
        answer = done.value
    assert waits == [1.0, 0.75]
    assert (answer.fallback, answer.reason) == (3, "timeout")


def test_a_full_pool_is_no_failure_of_the_model():
    found = chain(level("3", says(3), quick=False), level("2", says(2)), submit=lambda *_: None)
    assert [walked(found)[2] for _ in range(5)] == ["saturated"] * 5


def test_a_client_that_leaves_makes_room_for_the_next_try():
    clock = Clock()
    primary = level("3", says(3), clock, quick=False)
    for _ in range(3):
        primary.breaker.failed()
    clock.now = 31
    found = chain(primary, level("2", says(2)), clock=clock, submit=lambda *_: Future())
    walk = found.walk(INPUTS, 2)
    walk.send(None)
    assert not primary.breaker.admit()
    walk.close()
    assert primary.breaker.admit()
