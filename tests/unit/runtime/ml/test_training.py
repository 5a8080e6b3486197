"""A training: from a version of the data to a published candidate, once for the same data, code and parameters."""

import csv
import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import drift_job, training

RNG = np.random.default_rng(0)
ROWS = RNG.uniform(-1, 1, (1000, 2)).round(4)
HEADER = ["X[0]", "X[1]", "target"]


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([HEADER, *([*row, int(row[0] > 0)] for row in rows)])


@pytest.fixture
def world(tmp_path):
    store = Store.open(f"file://{tmp_path}/store", make=True)
    write(tmp_path / "rows.csv", ROWS)
    tree = datasets.push(store, "sides", tmp_path / "rows.csv", rows=len(ROWS)).dataset.tree
    env = {
        "MODEL_STORE_URL": f"file://{tmp_path}/store",
        "MODEL_NAME": "sides",
        "TRAINING_DATA_VERSION": tree,
        "TWELVE_SLUG_DIGEST": "slug",
        "HEROKU_APP_NAME": "demo",
        "HEROKU_RELEASE_VERSION": "v3",
        "DYNO": "train.1234",
        "MODEL_VERSION": "7",
    }
    return store, env


class Fit:
    def __init__(self):
        self.count = 0

    def __call__(self, data):
        self.count += 1
        table = data.table()
        rows, target = table.input("X", "FP32", [-1, 2]), table.target()
        model = LogisticRegression().fit(rows[:800], target[:800])
        return training.Fitted(rows[:800], rows[800:], model, metrics={"accuracy": 1.0})


def test_a_candidate_says_where_it_comes_from(world):
    store, env = world
    said = []
    assert (
        training.main(Fit(), params={"C": 1}, seed=5, env=env, emit=lambda event, **more: said.append((event, more)))
        == 0
    )
    found = models.resolve(store, "1", "sides").manifest
    assert (found.data["sha256"], found.data["rows"]) == (env["TRAINING_DATA_VERSION"], len(ROWS))
    assert found.document["classes"] == [0, 1]
    lineage = {key: value for key, value in found.lineage.items() if key != "train_key"}
    assert lineage == {
        "app": "demo", "release": "v3", "slug": "slug", "process": "train.1234", "seed": 5, "params": {"C": 1},
        "parents": ["7"],
    }  # fmt: skip
    assert set(found.reference) == {"X[0]", "X[1]", "label"}
    assert found.metrics["accuracy"] == 1.0
    assert [len(value.data) for value in found.golden[0].inputs] == [2 * training.GOLDEN_ROWS]
    [(event, fields)] = said
    assert (event, fields["model_version"], fields["new"]) == ("training", "1", True)


def test_the_same_training_is_one_version_and_is_not_fitted_again(world):
    store, env = world
    fit = Fit()
    for _ in range(2):
        assert training.main(fit, params={"C": 1}, env=env) == 0
    assert (fit.count, len(models.versions(store, "sides"))) == (1, 1)


@pytest.mark.parametrize(
    ("change", "params", "seed"),
    [({"TWELVE_SLUG_DIGEST": "other"}, {"C": 1}, 0), ({}, {"C": 2}, 0), ({}, {"C": 1}, 1)],
    ids=["code", "parameters", "seed"],
)
def test_what_changes_makes_another_version(world, change, params, seed):
    store, env = world
    fit = Fit()
    training.main(fit, params={"C": 1}, env=env)
    training.main(fit, params=params, seed=seed, env=env | change)
    assert (fit.count, len(models.versions(store, "sides"))) == (2, 2)


def test_where_nobody_knows_the_code_it_is_trained_each_time(world):
    store, env = world
    del env["TWELVE_SLUG_DIGEST"]
    for _ in range(2):
        training.main(Fit(), params={}, env=env)
    assert len(models.versions(store, "sides")) == 2


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"TRAINING_DATA_VERSION": "latest"}, 78, "TRAINING_DATA_VERSION='latest'"),
        ({"TRAINING_DATA_VERSION": ""}, 78, "TRAINING_DATA_VERSION is not set"),
        ({"MODEL_STORE_URL": ""}, 78, "MODEL_STORE_URL is not set"),
        ({"TRAINING_DATA_VERSION": "0" * 64}, 1, "is not in file://"),
        ({"MODEL_STORE_URL": "file:///nowhere/at/all"}, 1, "is not a directory"),
    ],
)
def test_what_is_missing_is_one_sentence_and_an_exit_code(world, capsys, change, code, words):
    _, env = world
    assert training.main(Fit(), params={}, env=env | change) == code
    assert words in capsys.readouterr().err


def test_the_drift_job_reads_lines_or_a_dataset(world, tmp_path, capsys):
    store, env = world
    training.main(Fit(), params={}, env=env)
    env["MODEL_VERSION"] = "1"
    write(tmp_path / "moved" / "rows.csv", ROWS + 3)
    tree = datasets.push(store, "moved", tmp_path / "moved").dataset.tree
    capsys.readouterr()
    assert drift_job.main(["--dataset", f"sides@{env['TRAINING_DATA_VERSION']}"], env) == 0
    assert drift_job.main(["--dataset", f"moved@{tree}"], env) == 3
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["event"], summary["major"], summary["features"]) == ("drift_summary", 2, 2)
    asked = {"event": "prediction", "model_name": "sides", "model_version": "1", "input": {"X": (ROWS + 3).tolist()}}
    (tmp_path / "log").write_text(f"2026-01-31T10:00:00+00:00 app[web.1]: {json.dumps(asked)}\n")
    assert drift_job.main(["--inputs", str(tmp_path / "log")], env) == 3
    (tmp_path / "log").write_text("nothing of interest\n")
    assert drift_job.main(["--inputs", str(tmp_path / "log")], env) == 0
