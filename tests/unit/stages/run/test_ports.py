import socket

import pytest

from twelve.core.errors import RunError
from twelve.stages.run.local import ports
from twelve.stages.run.local.ports import REST, Ports


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_every_claim_is_another_port_in_the_range():
    claimed = Ports()
    taken = {claimed.claim() for _ in range(100)}
    assert len(taken) == 100
    assert all(20000 <= port <= 29999 for port in taken)


def test_a_released_port_rests_for_a_minute(monkeypatch):
    monkeypatch.setattr(ports, "LAST", ports.FIRST + 1)
    clock = Clock()
    few = Ports(clock)
    first, second = few.claim(), few.claim()
    few.release(first)
    few.release(second)
    clock.now = REST - 0.1
    with pytest.raises(RunError, match="No free port"):
        few.claim()
    clock.now = REST
    assert few.claim() in {first, second}


def test_a_port_in_use_is_not_given(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        monkeypatch.setattr(ports, "FIRST", other.getsockname()[1])
        monkeypatch.setattr(ports, "LAST", other.getsockname()[1])
        with pytest.raises(RunError, match="No free port"):
            Ports().claim()
