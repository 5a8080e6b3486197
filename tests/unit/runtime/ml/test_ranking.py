"""Rank metrics as scikit-learn has them, and what their paired bootstrap says."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from twelve_runtime.ml import ranking

RNG = np.random.default_rng(3)
TRUE = RNG.integers(0, 2, 600).astype(bool)
GOOD = TRUE * 1.0 + RNG.normal(size=600)
SKLEARN = {"auc": roc_auc_score, "average_precision": average_precision_score}


def compared(candidate, champion, metric="auc", margin=0.02):
    return ranking.compare(metric, [candidate], [champion], [TRUE], margin)


@pytest.mark.parametrize("metric", ranking.METRICS)
@pytest.mark.parametrize("scores", [GOOD, GOOD.round(0), np.zeros(600)])
def test_the_metrics_are_those_of_scikit_learn_also_with_ties_and_weights(metric, scores):
    found = compared(scores, GOOD, metric)
    assert 1 - found.candidate == pytest.approx(SKLEARN[metric](TRUE, scores))
    times = RNG.integers(0, 4, 600)
    drawn = ranking._of_a_class(ranking.METRICS[metric], scores, TRUE, times[None, :].astype(float))
    assert drawn[0] == pytest.approx(SKLEARN[metric](TRUE, scores, sample_weight=times))


@pytest.mark.parametrize("metric", ranking.METRICS)
def test_the_same_ranking_loses_nothing_and_a_worse_one_is_refused(metric):
    same = compared(GOOD * 3 + 1, GOOD, metric)
    assert (same.difference, same.value, same.ok) == (0, 0, True)
    worse = compared(GOOD + RNG.normal(size=600), GOOD, metric)
    assert (worse.ok, worse.value > worse.difference > worse.limit) == (False, True)
    assert compared(GOOD + TRUE, GOOD, metric, margin=0).ok


def test_the_bound_of_paired_draws_is_close_to_the_error_of_the_difference():
    """Unpaired, that of either model alone would be several times as wide."""
    slightly = GOOD + RNG.normal(size=600) * 0.1
    found = compared(slightly, GOOD)
    assert 0 < found.value - found.difference < 0.01
    assert compared(slightly, GOOD) == found  # the draws are the same each time


def test_several_classes_are_each_told_from_the_rest():
    values = [str(value) for value in np.arange(300) % 3]
    classes = ranking.classes_of(values)
    true = [np.asarray(values) == one for one in classes]
    shares = RNG.dirichlet(np.ones(3), 300)
    scores = ranking.scores(shares, [0, 1, 2], classes)
    found = ranking.compare("auc", scores, scores, true, 0.02)
    wanted = roc_auc_score(np.arange(300) % 3, shares, multi_class="ovr")
    assert (classes, 1 - found.candidate) == (["0", "1", "2"], pytest.approx(wanted))


def test_what_says_nothing_about_a_rank_is_left_out():
    assert ranking.classes_of(["a"] * 300 + ["b"] * 200 + ["c"] * 9) == ["a", "b"]
    assert ranking.classes_of(["a"] * 300 + ["b"] * 9) == []
    assert ranking.classes_of(["no"] * 300 + ["yes"] * 200) == ["yes"]
    nobody = ranking.compare("auc", [], [], [], 0.02)
    assert (nobody.enough, nobody.ok) == (False, False)
    assert ranking.scores(np.ones((2, 1)), ["a"], ["b"])[0].tolist() == [0, 0]
