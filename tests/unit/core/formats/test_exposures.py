"""What the read-out takes from raw lines of the front door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twelve.core.formats.router_line import exposures
from twelve.core.model.units import Exposure

HASH = "0123456789abcdef" * 2


def raw(dyno="web.1", end="--", service="12", status="200", told=f"-|ranker.1|a|2|{HASH}|demo.localhost"):
    return f">p0000 {dyno} {end} - 0 {service} {status} 120 127.0.0.1 made {told} GET /a|b HTTP/1.1 demo.localhost -\n".encode()


@pytest.mark.parametrize(
    ("line", "more"),
    [
        (raw(), {}),
        (raw(status="500"), {"failed": True}),
        (raw(end="SD"), {"failed": True}),  # the process broke off in the middle of an answer
        (raw(end="sH", status="504"), {"failed": True}),
        (raw(end="CD"), {}),  # the client left: nobody's fault
        (raw(end="CH", status="-1", service="-1"), {"milliseconds": 0}),
        (raw(status="404"), {}),
        (raw(dyno="web.10001"), {"elsewhere": True}),
        (raw(dyno="<NOSRV>", status="503", end="sC"), {"elsewhere": True, "failed": True}),
        (raw(dyno="web.2::"), {}),
        (raw(status="101", end="CD"), {"tunnel": True}),
    ],
)
def test_table(line, more):
    expected = Exposure("ranker.1", 2, "a", HASH, failed=False, milliseconds=12)
    assert list(exposures(line)) == [expected._replace(**more)]


def test_the_variant_s_own_process():
    line = raw(dyno="web.20003", told=f"abc|ranker.1|c|1|{HASH}|demo.localhost")
    assert list(exposures(line)) == [Exposure("ranker.1", 1, "c", HASH, failed=False, milliseconds=12)]


@pytest.mark.parametrize(
    "line", [raw(told="-"), raw(told="an|id"), raw(told=f"-|r.1|a|x|{HASH}|h"), raw(told="-|r.1|a|1|short|h"), b"\n"]
)
def test_other_requests_are_left_out(line):
    assert not list(exposures(line + raw(told="-")))


@given(st.binary(max_size=300))
def test_no_line_breaks_it(noise):
    list(exposures(noise + b"|" * 5 + b"\n"))
