"""Predictions and who was dealt which variant reach a real OpenTelemetry receiver, from forked workers too."""

import json

import pytest

from tests.support import models
from tests.support.collector import collector
from tests.support.models import ROW, Serving, environment

pytestmark = pytest.mark.integration

DEALT = {
    "x-twelve-experiment": "shop.1", "x-twelve-variant": "b", "x-twelve-phase": "3", "x-twelve-unit-hash": "0f" * 16,
}  # fmt: skip


def asked(tmp_path, endpoint, **more):
    """One request of a rollout, one of none, one copy to a shadow, and one that is wrong."""
    env = environment(tmp_path / "store", models.publish(tmp_path / "store"), OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    with Serving(env | more) as serving:
        assert serving.post("/predict", {"X": ROW}, **DEALT)[0] == 200
        assert serving.post("/predict", {"X": ROW})[0] == 200
        assert serving.post("/predict", {"X": ROW}, **DEALT, **{"x-twelve-shadow": "1"})[0] == 200
        assert serving.post("/predict", {"X": "no"})[0] == 400
    return serving


@pytest.mark.parametrize("workers", ["1", "2"])
def test_predictions_and_variants_are_told_by_the_conventions(tmp_path, workers):
    with collector() as (endpoint, records):
        asked(tmp_path, endpoint, WEB_CONCURRENCY=workers)
        (dealt,) = (one for one in records() if one.name == "feature_flag.evaluation")
        predictions = [one.attributes for one in records() if one.name == "prediction"]
    assert dealt.attributes == {
        "feature_flag.key": "shop.1",
        "feature_flag.result.variant": "b",
        "feature_flag.result.reason": "split",
        "feature_flag.provider.name": "twelve",
        "feature_flag.context.id": "0f" * 16,
        "feature_flag.version": "3",
    }
    assert sorted(one["ml.status"] for one in predictions) == ["error", "ok", "ok", "ok"]
    (of_the_rollout,) = (one for one in predictions if one.get("ml.variant") == "b" and not one.get("ml.shadow"))
    assert (of_the_rollout["ml.model_name"], of_the_rollout["ml.fallback"]) == ("digits", 0)
    assert len(json.loads(of_the_rollout["ml.output"])["label"]) == 1


def test_a_log_that_is_off_still_tells_who_was_dealt_what(tmp_path):
    with collector() as (endpoint, records):
        asked(tmp_path, endpoint, PREDICTION_LOG="off")
        assert [one.name for one in records()] == ["feature_flag.evaluation"]
