"""How a server tells the one who started it that it is ready."""

import os

from twelve.serve import Readiness


def test_nobody_inherits_the_way_to_whoever_waits():
    """A database that outlives a server which died early would keep it open, and the command waiting for ever."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    readiness = Readiness(str(writing))
    assert not os.get_inheritable(writing)
    readiness.say("ready")
    with os.fdopen(reading) as told:
        assert told.read() == "ready\n"
