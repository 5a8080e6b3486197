"""The paired comparison with the champion, and rows as a model takes them."""

import numpy as np
import pytest
from twelve_runtime.ml import comparison, tables


def test_the_bound_is_the_mean_and_1_645_standard_errors():
    champion = np.full(400, 0.5)
    candidate = champion + np.where(np.arange(400) % 2 == 0, 0.01, -0.01)
    found = comparison.compare(candidate, champion)
    spread = 0.01 * np.sqrt(400 / 399)
    assert found.difference == pytest.approx(0)
    assert found.value == pytest.approx(1.645 * spread / 20)
    assert found.limit == pytest.approx(0.02 * 0.5)
    assert found.ok


def test_a_candidate_that_is_worse_by_more_than_the_margin_is_refused():
    champion = np.random.default_rng(0).uniform(0, 1, 500)
    assert not comparison.compare(champion * 1.05, champion).ok
    assert comparison.compare(champion * 1.05, champion, margin=0.2).ok


def test_no_margin_demands_proof_of_improvement():
    champion = np.random.default_rng(0).uniform(0, 1, 500)
    assert comparison.compare(champion, champion, margin=0).ok  # equal: shown not to be worse
    noisy = champion + np.random.default_rng(1).normal(0, 0.1, 500)
    assert not comparison.compare(noisy, champion, margin=0).ok
    assert comparison.compare(champion * 0.5, champion, margin=0).ok


def test_few_rows_prove_nothing():
    assert not comparison.compare(np.zeros(199), np.ones(199)).ok
    assert comparison.compare(np.zeros(200), np.ones(200)).ok
    assert not comparison.compare(np.zeros(0), np.zeros(0)).ok


def test_losses_by_what_the_model_gives():
    target = np.array([0, 1])
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]], np.float32)
    by_class = comparison.losses({"label": target, "probabilities": probabilities}, target, [0, 1])
    assert by_class == pytest.approx([0.5, 2 * 0.75**2])
    assert comparison.losses({"label": np.array([0, 0])}, target, None).tolist() == [0, 1]
    assert comparison.losses({"y": np.array([[1.0], [3.0]])}, target, None).tolist() == [1, 4]


def test_a_class_the_model_does_not_know_is_as_wrong_as_can_be():
    assert comparison.brier(np.array([[1.0, 0.0]]), np.array(["other"]), ["a", "b"]).tolist() == [2]


def test_slices_with_few_rows_are_left_out():
    found = comparison.slices(["a"] * 200 + ["b"] * 199)
    assert list(found) == ["a"]
    assert int(found["a"].sum()) == 200


def table(tmp_path, *files):
    for number, text in enumerate(files):
        (tmp_path / f"{number}.csv").write_text(text)
    return tables.read(tables.below(tmp_path))


def test_columns_become_inputs_and_a_target(tmp_path):
    found = table(tmp_path, "X[0],X[1],age,target,source\n1,2,3,0,a\n", "X[0],X[1],age,target,source\n4,,6,1,b\n")
    assert found.input("X", "FP32", [-1, 2]).dtype == np.float32
    assert np.array_equal(found.input("X", "FP32", [-1, 2]), [[1, 2], [4, np.nan]], equal_nan=True)
    assert found.input("age", "INT64", [-1]).tolist() == [3, 6]
    assert found.target().tolist() == [0, 1]
    assert found.column("source") == ["a", "b"]


def test_the_same_row_written_otherwise_is_the_same_row(tmp_path):
    found = table(tmp_path, "x,target\n1,0\n1.0,1\n1e0,0\n2,0\n")
    assert len(found.row_hashes(["x"])) == 2


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["x,target\n1\n"], "0.csv:2: 1 values for 2 columns"),
        (["x,x\n1,2\n"], "0.csv:1: the first line must name each column once"),
        (["x\n1\n", "y\n1\n"], "1.csv has other columns than 0.csv"),
        ([], "no .csv file"),
    ],
)
def test_what_is_no_table_is_told_with_its_place(tmp_path, files, words):
    with pytest.raises(tables.BadTable, match=words.replace(".", r"\.")):
        table(tmp_path, *files)


def test_what_is_not_of_this_model_is_told_by_column(tmp_path):
    found = table(tmp_path, "x,target\nred,0\n")
    with pytest.raises(tables.BadTable, match='column "y"'):
        found.input("y", "FP32", [-1])
    with pytest.raises(tables.BadTable, match='"x" is not FP32'):
        found.input("x", "FP32", [-1])
