import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twelve.core.formats.event_line import Outcome, Prediction, event, events, speaks

HASH = "0123456789abcdef" * 2


def test_an_outcome_in_full():
    line = (
        b'{"event":"outcome","schema":1,"outcome_id":"1f","ts":"2026-01-31T10:00:00.5+01:00","prediction_id":null,'
        b'"unit":"u1","unit_hash":null,"name":"click","value":2.5}'
    )
    at = datetime(2026, 1, 31, 9, 0, 0, 500_000, tzinfo=UTC)
    assert event(line) == Outcome("click", 2.5, "1f", at, "u1")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"unit": "u1"}, Outcome("click", unit="u1")),  # a value is 1 unless somebody says so
        ({"unit": 42, "value": 3}, Outcome("click", 3.0, unit="42")),  # an id that is a number
        ({"unit": "u", "value": True}, Outcome("click", 1.0, unit="u")),
        ({"unit_hash": HASH}, Outcome("click", unit_hash=HASH)),
        ({"prediction_id": "p"}, Outcome("click", prediction_id="p")),
        ({"unit": "u", "ts": "yesterday"}, Outcome("click", unit="u")),  # then it is of the moment it was read
        ({"unit": "u", "outcome_id": "x" * 129}, Outcome("click", unit="u")),
        ({}, None),  # nobody's
        ({"unit": "u", "value": "much"}, None),
        ({"unit": "u", "value": None}, None),
        ({"unit": "u", "value": float("nan")}, None),
        ({"unit": "u", "value": float("inf")}, None),
        ({"unit": "u", "value": 10**400}, None),
        ({"unit": "u", "name": ""}, None),
        ({"unit": "u", "name": 7}, None),
        ({"unit": "u", "name": "a\0b"}, None),
        ({"unit_hash": HASH.upper()}, None),
        ({"unit": "\ud800"}, None),  # half a character
        ({"unit": "u", "name": "\ud800"}, None),
    ],
)
def test_outcomes(more, expected):
    assert event(json.dumps({"event": "outcome", "name": "click", **more}).encode()) == expected


def test_predictions():
    told = {"event": "prediction", "prediction_id": "p", "experiment": "r.1", "phase": "2", "unit_hash": HASH}
    assert event(json.dumps(told).encode()) == Prediction("p", "r.1", 2, HASH, fallback=False)
    assert event(json.dumps(told | {"fallback": 1, "phase": 3}).encode()) == Prediction(
        "p", "r.1", 3, HASH, fallback=True
    )
    assert event(json.dumps(told | {"unit_hash": None}).encode()) is None
    assert event(json.dumps(told | {"phase": None}).encode()) is None
    assert event(json.dumps(told | {"shadow": True}).encode()) is None  # nobody got its answer


def test_other_lines_are_not_parsed():
    assert not speaks(b"GET / 200\n" * 100)
    lines = b'hello "outcome"\n{"event":"outcome","name":"a","unit":"1"}\n{"event":"login"}\n[1]\n{"outcome"\n'
    assert list(events(lines)) == [Outcome("a", unit="1")]


@given(st.binary(max_size=200))
def test_no_line_breaks_it(raw):
    list(events(b'{"outcome"' + raw))
    event(raw)
