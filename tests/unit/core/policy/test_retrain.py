"""What a retraining does next."""

import json

import pytest

from twelve.core.errors import ConfigError
from twelve.core.model import PublishedVersion, RetrainingState
from twelve.core.policy import retrain, rollout

MINE = [PublishedVersion(number, "demo", f"train.{number}") for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("more", "judged", "champion", "expected"),
    [
        ([], (), None, "3"),  # the newest, the first time
        ([], ("3",), "1", None),  # judged before
        ([], ("1", "2"), "2", "3"),
        ([], ("2",), "3", None),  # somebody has promoted it by hand
        ([], (), "9", None),  # older than what serves
        ([], ("10",), None, None),  # numbers are no texts
        ([], (), "sha256:aa", "3"),
        ([PublishedVersion(7, "other", "train.1")], (), None, "3"),  # a store may be shared
        ([PublishedVersion(7, "demo", "")], (), None, "3"),  # pushed by a person
    ],
)
def test_the_candidate(more, judged, champion, expected):
    assert retrain.candidate([*MINE, *more], "demo", judged, champion) == expected


def test_nothing_published_is_no_candidate():
    assert retrain.candidate([], "demo", (), None) is None


@pytest.mark.parametrize(
    ("status", "found", "state", "code"),
    [
        (0, "4", RetrainingState.JUDGING, 0),
        (None, "4", RetrainingState.JUDGING, 0),  # nobody saw its end, but what it has made is there
        (0, None, RetrainingState.UNCHANGED, 0),
        (1, None, RetrainingState.FAILED, 63),
        (1, "4", RetrainingState.FAILED, 63),  # not of this run; the next one judges it
        (None, None, RetrainingState.FAILED, 63),
    ],
)
def test_after_the_training(status, found, state, code):
    following = retrain.after_training(status, found, "digits", "3")
    assert (following.state, following.exit_code) == (state, code)
    assert (following.candidate == found) is (state is RetrainingState.JUDGING or found is None)


def event(check, ok=True, **more):
    return json.dumps({"event": "gate", "check": check, "ok": ok, "value": 1, "limit": 2, "detail": "d"} | more)


def test_the_twentieth_gate_on_one_holdout_says_that_it_wears_out():
    passed, refused = retrain.after_gate(0, []), retrain.after_gate(4, [event("size", ok=False)])
    assert retrain.worn(passed, "rows@aa", 19) == passed
    (said,) = retrain.worn(passed, "rows@aa", 20).checks
    assert (said["check"], said["ok"], said["value"], said["limit"]) == ("holdout_use", True, 20, 20)
    assert "rows@aa has judged 20 candidates" in said["detail"]
    assert [one["check"] for one in retrain.worn(refused, "rows@aa", 21).checks] == ["size", "holdout_use"]
    failed = retrain.after_gate(1, ["no store"])
    assert retrain.worn(failed, "rows@aa", 99) == failed


def test_a_pass_goes_on_to_promotion_with_its_checks():
    following = retrain.after_gate(0, ["noise", event("size"), event("verdict", detail="good")])
    assert (following.state, following.reason) == (RetrainingState.PROMOTING, "good")
    assert following.checks == [{"check": "size", "ok": True, "value": 1, "limit": 2, "detail": "d"}]


def test_a_refusal_carries_the_reason_of_the_verdict():
    following = retrain.after_gate(4, [event("holdout", ok=False), event("verdict", ok=False, detail="worse")])
    assert (following.state, following.reason, following.exit_code) == (RetrainingState.REFUSED, "worse", 52)


def test_a_gate_that_could_not_judge_is_a_failure_with_its_last_line():
    following = retrain.after_gate(1, ["gate: the store does not answer", ""])
    assert (following.state, following.exit_code) == (RetrainingState.FAILED, 63)
    assert following.reason == "The gate exited with status 1: gate: the store does not answer"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        '{"event":"gate"}',
        '{"event":"gate","check":7}',
        '["gate"]',
        '{"event":"drift","check":"gate"}',
        '{"gate":' * 100_000,
    ],
)
def test_lines_that_are_no_checks(line):
    assert retrain.gate_events([line]) == []


def test_odd_values_of_a_check_become_nothing():
    [found] = retrain.gate_events([event("x", ok="yes", value="12", limit=True, detail=None)])
    assert found == {"check": "x", "ok": False, "value": None, "limit": None, "detail": ""}


def test_the_gate_is_the_apps_own_or_the_librarys():
    assert retrain.gate_command({"gate": "bin/judge"}, "digits", "4", accept_drift=True) == "bin/judge"
    usual = retrain.gate_command({}, "digits", "4", accept_drift=False)
    assert usual == "python -m twelve_runtime.ml gate digits 4 --inputs -"
    assert retrain.gate_command({}, "digits", "4", accept_drift=True) == f"{usual} --accept-drift"
    assert "'a; b'" in retrain.gate_command({}, "a; b", "4", accept_drift=False)


def test_what_a_pass_leads_to():
    assert retrain.on_pass({}) == "promote"
    assert retrain.on_pass({"RETRAIN_ON_PASS": "keep"}) == "keep"
    with pytest.raises(ConfigError, match="promote, canary or keep"):
        retrain.on_pass({"RETRAIN_ON_PASS": "perhaps"})


def test_a_canary_is_named_after_its_model_and_version():
    assert retrain.canary_name("digits", "12") == "digits-12"
    assert rollout.name_problem(retrain.canary_name("a.b" * 21, "123456789")) is None


@pytest.mark.parametrize(
    ("version", "expected"),
    [("latest", ""), ("digits@latest", "digits"), ("", None), ("digits@abc", None), ("abc", None)],
)
def test_latest(version, expected):
    assert retrain.wants_latest(version) == expected
