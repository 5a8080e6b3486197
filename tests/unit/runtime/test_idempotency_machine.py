"""The state machine of keys, by itself: at most one holder, fenced, and no answer that is not the holder's."""

import dataclasses

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twelve_runtime.idempotency import BadKey, fingerprint
from twelve_runtime.idempotency.machine import (
    Done,
    Mismatch,
    Replay,
    Running,
    Take,
    Uncertain,
    Wait,
    checked,
    claim,
    finished,
    held,
    uncertain,
)

RUNNING = Running(token=3, fingerprint="f", until=100.0)
DONE = Done(token=3, fingerprint="f", answer=b"a", expires=100.0)


@pytest.mark.parametrize(
    ("record", "asked", "now", "crashed", "verdict"),
    [
        (None, "f", 0, "retry", Take()),
        (RUNNING, "f", 99, "retry", Wait(1.0)),
        (RUNNING, "f", 99, "unknown", Wait(1.0)),
        (RUNNING, "f", 100, "retry", Take(again=True)),
        (RUNNING, "f", 100, "unknown", Uncertain()),
        (RUNNING, "g", 99, "retry", Mismatch()),
        (RUNNING, "g", 100, "retry", Mismatch()),  # a vanished holder does not make the key another request's
        (DONE, "f", 99, "retry", Replay(b"a")),
        (DONE, "g", 99, "retry", Mismatch()),
        (DONE, "g", 100, "unknown", Take()),  # expired: as new, whatever it was used for
    ],
)
def test_what_a_claim_comes_to(record, asked, now, crashed, verdict):
    assert claim(record, asked, now, crashed) == verdict


def test_only_the_latest_token_holds():
    assert held(RUNNING, 3)
    assert not held(RUNNING, 2)
    assert not held(DONE, 3)
    assert not held(None, 3)
    assert finished(DONE, 3)
    assert not finished(DONE, 2)
    assert not finished(RUNNING, 3)


@pytest.mark.parametrize("key", ["", "a\0", "x" * 513])
def test_what_is_no_key(key):
    with pytest.raises(BadKey):
        checked(key)


def test_a_fingerprint_is_of_what_is_said_not_of_how():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert len({fingerprint(*parts) for parts in [("ab", "c"), ("a", "bc"), (b"ab", b"c"), ("abc",), ()]}) == 5


class Keys(RuleBasedStateMachine):
    """One key, workers that come, work, stall and vanish in any order, and a clock that only goes on."""

    def __init__(self):
        super().__init__()
        self.record, self.now, self.tokens = None, 0.0, 0
        self.workers = {}

    @rule(crashed=st.sampled_from(["retry", "unknown"]), print_=st.sampled_from(["f", "f", "f", "g"]))
    def somebody_claims(self, crashed, print_):
        before = self.record
        verdict = claim(before, print_, self.now, crashed)
        if isinstance(verdict, Take):
            # Nobody whose lease still runs is ever pushed aside.
            assert not (isinstance(before, Running) and before.until > self.now)
            assert not (isinstance(before, Running) and crashed == "unknown")
            assert verdict.again == isinstance(before, Running)
            self.tokens += 1
            self.record = Running(self.tokens, print_, self.now + 10)
            self.workers[self.tokens] = print_
        elif isinstance(verdict, Replay):
            assert isinstance(before, Done)
            assert (before.fingerprint, verdict.answer) == (print_, before.answer)
        elif isinstance(verdict, Uncertain):
            assert uncertain(before, self.now)

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), how=st.sampled_from(["finish", "release", "renew", "vanish"]))
    def a_worker_acts(self, data, how):
        token = data.draw(st.sampled_from(sorted(self.workers)))
        if held(self.record, token):
            assert token == self.tokens  # fenced: only the latest of all may write
            if how == "finish":
                self.record = Done(token, self.record.fingerprint, b"%d" % token, self.now + 20)
            elif how == "release":
                self.record = None
            elif how == "renew":
                self.record = dataclasses.replace(self.record, until=self.now + 10)
        if how != "renew":
            del self.workers[token]

    @rule(seconds=st.floats(0, 15))
    def time_goes_on(self, seconds):
        self.now += seconds

    @invariant()
    def at_most_one_may_write(self):
        assert sum(held(self.record, token) for token in self.workers) <= 1


TestKeys = Keys.TestCase
