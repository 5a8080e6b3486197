"""Drift: the index and its levels, the bins of a reference, and what event lines tell."""

import json

import numpy as np
import pytest
from twelve_runtime.ml import drift, observed, reference

ROWS = 2000


def made(values):
    return reference.describe({"x": np.asarray(values)})["x"]


def test_psi_of_the_known_vector():
    index = drift.psi((0.1, 0.2, 0.4, 0.2, 0.1), (0.05, 0.15, 0.4, 0.25, 0.15))
    assert index == pytest.approx(0.08047190, abs=1e-8)


def test_psi_of_an_empty_bin_is_finite_and_of_equal_shares_nothing():
    assert drift.psi((0.5, 0.5), (0.5, 0.5)) == 0
    assert 0 < drift.psi((0.5, 0.5), (1.0, 0.0)) < 10


@pytest.mark.parametrize(
    ("index", "rows", "expected"),
    [
        (0.099, ROWS, "none"),
        (0.1, ROWS, "moderate"),
        (0.2499, ROWS, "moderate"),
        (0.25, ROWS, "major"),
        (5.0, 100, "insufficient"),  # 9 * (1/100 + 1/2000) is above 0.03
        (5.0, 0, "insufficient"),
    ],
)
def test_levels(index, rows, expected):
    assert drift.level(index, 10, rows, ROWS) == expected


@pytest.mark.parametrize(
    ("statistic", "freedom", "expected"),
    [(3.841459, 1, 0.05), (18.307038, 10, 0.05), (2.0, 9, 0.991468), (100.0, 9, 1.51e-17), (0.0, 3, 1.0)],
)
def test_the_tail_of_chi_squared(statistic, freedom, expected):
    """Against the printed tables; both sides of where series and continued fraction meet."""
    assert drift.chi_squared_tail(statistic, freedom) == pytest.approx(expected, rel=1e-2, abs=1e-16)


def test_bins_are_open_at_both_ends_and_hold_their_left_edge():
    entry = {"kind": "numeric", "edges": [4.0, 8.0], "p": [0.3, 0.3, 0.4], "n": 10}
    assert reference.count(entry, [-1e9, 3.999, 4, 7.9, 8, 1e9, float("nan"), None]) == reference.Counts((2, 2, 2), 2)


def test_a_numeric_reference_has_a_share_for_each_bin():
    entry = made(np.random.default_rng(0).normal(size=ROWS))
    assert (entry["kind"], entry["n"], len(entry["p"])) == ("numeric", ROWS, len(entry["edges"]) + 1)
    assert sum(entry["p"]) == pytest.approx(1)
    assert max(entry["p"]) < 0.15


def test_a_constant_that_moves_is_seen():
    entry = made(np.zeros(ROWS))
    still, moved = reference.count(entry, [0.0] * ROWS), reference.count(entry, [3.0] * ROWS)
    assert drift.compare("x", entry, still).level == "none"
    assert drift.compare("x", entry, moved).level == "major"


def test_values_that_training_did_not_have_count_as_a_bin():
    entry = made(np.array(["a", "b"] * (ROWS // 2)))
    found = drift.compare("x", entry, reference.count(entry, ["a", "b"] * 800 + ["c"] * 400))
    assert (found.level, found.unseen, found.cdf) == ("major", 0.2, None)


def test_too_many_different_texts_are_no_category():
    assert "x" not in reference.describe({"x": np.array([f"user {number}" for number in range(ROWS)])})


def test_missing_values_in_training_are_part_of_the_reference():
    values = np.where(np.arange(ROWS) % 4 == 0, np.nan, np.arange(ROWS, dtype=float))
    entry = made(values)
    assert entry["missing"] == 0.25
    assert drift.compare("x", entry, reference.count(entry, values)).psi == pytest.approx(0, abs=1e-9)


def lines(*events):
    return [f"2026-01-31T10:00:00.000000+00:00 app[web.1]: {json.dumps(event)}\n" for event in events]


def prediction(values, label=0, version="3", **more):
    event = {"event": "prediction", "model_name": "m", "model_version": version, "status": "ok"}
    return event | {"input": {"x": values}, "output": {"label": [label] * len(values)}} | more


REFERENCE = {
    "x": {"kind": "numeric", "edges": [1.0], "p": [0.5, 0.5], "n": 100},
    "label": {"kind": "category", "values": ["0", "1"], "p": [0.5, 0.5], "n": 100},
}


def test_logged_inputs_count_for_every_version_and_outputs_for_their_own():
    text = lines(prediction([0, 2]), prediction([5], label=1, version="2"), prediction([0], status="error"))
    seen = observed.observe(text, REFERENCE, "m", "3").seen
    assert seen["x"].counts == (1, 2)
    assert seen["label"].counts == (2, 0)


def test_histograms_win_over_the_inputs_they_were_counted_from():
    histogram = {"event": "feature_hist", "model_name": "m", "model_version": "3"}
    text = lines(
        prediction([0]),
        histogram | {"features": {"x": {"counts": [4, 5], "missing": 1}}},
        histogram | {"feature": "x", "counts": [1, 0]},
        histogram | {"features": {"x": {"counts": [1, 2, 3]}}},  # another version's bins
        histogram | {"model_version": "2", "features": {"x": {"counts": [9, 9]}}},
    )
    seen = observed.observe(text, REFERENCE, "m", "3").seen
    assert seen == {"x": reference.Counts((5, 5), 1)}


def test_foreign_and_broken_lines_are_no_concern():
    text = ["GET / 200\n", '{"event": \n', '["event"]\n', '{"event":"prediction","input":{"x":[[1,2],[3]]}}\n']
    assert observed.observe(text, REFERENCE, "m", "3").seen == {}


def test_only_major_drift_has_an_exit_code():
    entry = made(np.arange(ROWS, dtype=float))
    none = drift.compare("x", entry, reference.count(entry, np.arange(ROWS, dtype=float)))
    major = drift.compare("x", entry, reference.count(entry, np.arange(ROWS, dtype=float) + ROWS))
    assert (drift.exit_code([none]), drift.exit_code([none, major])) == (0, 3)
    document = drift.event(major, "m", "3")
    assert (document["event"], document["feature"], document["level"]) == ("drift", "x", "major")
