"""The gate: what a candidate must prove, with real models from real trainings."""

import csv
import gc
import json
import time

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import checks, gate, judged, tables, training

RNG = np.random.default_rng(0)
ROWS = RNG.uniform(-1, 1, (1600, 2)).round(6)
CHANCE = 1 / (1 + np.exp(-4 * ROWS[:, 0]))
SIDES = (RNG.uniform(size=1600) < CHANCE).astype(int)
TRAINING, HOLDOUT = slice(0, 1000), slice(1000, 1600)


def write(path, rows, sides):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        head = ["X[0]", "X[1]", "side", "target"]
        made = ([*row, "left" if row[1] < 0 else "right", side] for row, side in zip(rows, sides, strict=True))
        csv.writer(file).writerows([head, *made])


class World:
    def __init__(self, directory):
        self.directory = directory
        self.store = Store.open(f"file://{directory}/store", make=True)
        self.env = {
            "MODEL_STORE_URL": f"file://{directory}/store",
            "MODEL_NAME": "sides",
            "MODEL_CACHE": f"{directory}/cache",
        }
        self.tree = self.push("sides", ROWS[TRAINING], SIDES[TRAINING])
        self.env["TRAINING_DATA_VERSION"] = self.tree
        self.env["HOLDOUT_DATA_VERSION"] = f"kept@{self.push('kept', ROWS[HOLDOUT], SIDES[HOLDOUT])}"

    def push(self, name, rows, sides):
        write(self.directory / name / "rows.csv", rows, sides)
        return datasets.push(self.store, name, self.directory / name).dataset.tree

    def train(self, estimator=None, used=(0, 1), holdout=None):
        """A version that looks at these columns only: at (1,) it cannot know anything."""

        def fit(data):
            table = data.table()
            rows, target = table.input("X", "FP32", [-1, 2]), table.target()
            known = np.zeros_like(rows)
            known[:, used] = rows[:, used]
            model = (estimator or LogisticRegression()).fit(known[:800], target[:800])
            return training.Fitted(rows[:800], rows[800:] if holdout is None else holdout, model)

        assert training.main(fit, params={}, env=self.env, emit=lambda event, **more: None) == 0
        return models.versions(self.store, "sides")[0].version

    def judge(self, version, champion="", *words, **env):
        """The exit code, and each check by its name."""
        told = {}

        def emit(event, **fields):
            assert event == "gate"
            told[fields["check"]] = fields

        code = gate.main(["sides", version, *words], {**self.env, "MODEL_VERSION": champion, **env}, emit)
        return code, told


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("world"))
    assert (made.train(), made.train(used=(1,)), made.train()) == ("1", "2", "3")
    gc.freeze()  # each judgement collects garbage, to measure memory: of what is imported here there is much
    yield made
    gc.unfreeze()


def failed(told):
    return [name for name, check in told.items() if not check["ok"] and name != "verdict"]


def test_a_first_version_has_to_know_more_than_a_constant(world):
    code, told = world.judge("1")
    assert (code, failed(told)) == (0, [])
    assert told["verdict"]["detail"] == "sides@1 is the first: 7 checks hold."
    code, told = world.judge("2")
    assert (code, failed(told)) == (4, ["baseline"])


def test_an_equal_version_passes_and_a_worse_one_does_not(world):
    code, told = world.judge("3", "1")
    assert (code, failed(told)) == (0, [])
    assert {"signature", "golden", "size", "memory", "latency", "overlap", "holdout", "drift", "verdict"} == told.keys()
    code, told = world.judge("2", "1")
    assert (code, failed(told)) == (4, ["holdout"])
    assert told["holdout"]["value"] > told["holdout"]["limit"] > 0
    assert told["verdict"]["detail"].startswith("sides@2 is refused: holdout ")
    assert world.judge("1", "2")[0] == 0


def test_the_margin_is_config(world):
    assert world.judge("2", "1", GATE_MARGIN="5")[0] == 0


def test_slices_are_judged_too(world):
    code, told = world.judge("2", "1", GATE_SLICES="side")
    assert (code, failed(told)) == (4, ["holdout", "slice side=left", "slice side=right"])
    assert world.judge("3", "1", GATE_SLICES="side")[0] == 0


def test_rank_metrics_are_judged_where_they_are_asked_for(world):
    wanted = {"GATE_METRICS": "auc, average_precision"}
    assert world.judge("1", **wanted)[0] == 0
    code, told = world.judge("2", **wanted)
    assert (code, failed(told)) == (4, ["baseline", "auc", "average_precision"])
    assert world.judge("3", "1", **wanted)[0] == 0
    code, told = world.judge("2", "1", GATE_METRICS="auc", GATE_SLICES="side")
    sides = ["slice side=left", "slice side=right"]
    assert (code, failed(told)) == (4, ["holdout", *sides, "auc", *(f"{side} auc" for side in sides)])
    assert told["auc"]["value"] > told["auc"]["limit"] > 0
    few = world.push("few", ROWS[1000:1150], SIDES[1000:1150])
    code, told = world.judge("3", "1", HOLDOUT_DATA_VERSION=f"few@{few}", **wanted)
    assert failed(told) == ["holdout", "auc", "average_precision"]


def test_a_holdout_that_was_trained_on_proves_nothing(world):
    mixed = world.push("mixed", ROWS[900:1600], SIDES[900:1600])
    code, told = world.judge("3", "1", HOLDOUT_DATA_VERSION=f"mixed@{mixed}")
    assert (code, failed(told), told["overlap"]["value"]) == (4, ["overlap"], 100)


def test_too_few_rows_prove_nothing(world):
    few = world.push("few", ROWS[1000:1150], SIDES[1000:1150])
    code, told = world.judge("3", "1", HOLDOUT_DATA_VERSION=f"few@{few}")
    assert (code, failed(told)) == (4, ["holdout"])
    assert "150 rows, of which 200 are needed" in told["holdout"]["detail"]


def test_budgets(world):
    code, told = world.judge("3", "1", GATE_MAX_SIZE_MB="0.0001", GATE_MAX_RAM_MB="1000")
    assert (code, failed(told)) == (4, ["size"])


def test_a_model_with_other_outputs_cannot_stand_in(world):
    other = world.train(LinearRegression())
    code, told = world.judge(other, "1")
    assert (code, failed(told)) == (4, ["signature"])
    assert "holdout" not in told
    assert '"label"' in told["signature"]["detail"]


def asked(tmp_path, rows):
    event = {"event": "prediction", "model_name": "sides", "model_version": "1", "input": {"X": rows.tolist()}}
    (tmp_path / "log").write_text(f"2026-01-31T10:00:00+00:00 app[web.1]: {json.dumps(event)}\n")
    return str(tmp_path / "log")


def test_a_candidate_that_was_not_trained_on_what_is_asked_needs_consent(world, tmp_path):
    assert world.judge("3", "1", "--inputs", asked(tmp_path, ROWS))[0] == 0
    moved = asked(tmp_path, ROWS + 2)
    code, told = world.judge("3", "1", "--inputs", moved)
    assert (code, failed(told)) == (4, ["drift"])
    assert world.judge("3", "1", "--inputs", moved, "--accept-drift")[0] == 0


def test_a_model_that_does_not_answer_as_it_promised(world):
    manifest = models.resolve(world.store, "1", "sides").manifest.document
    golden = json.loads(json.dumps(manifest["golden"]))
    label = next(value for value in golden[0]["outputs"] if value["name"] == "label")
    label["data"][0] = 1 - label["data"][0]
    raw = world.store.get(f"blobs/sha256/{manifest['files'][0]['sha256']}")
    draft = models.Draft(
        "sides", "onnx", manifest["signature"], golden, data=manifest["data"], more={"classes": [0, 1]}
    )
    version = models.publish(world.store, draft, {"model.onnx": raw}).version
    code, told = world.judge(version, "1")
    assert (code, failed(told)) == (4, ["golden"])


def test_a_candidate_that_is_not_what_it_says_is_never_loaded(world):
    version = world.train()
    digest = models.resolve(world.store, version, "sides").manifest.files[0].sha256
    blob = world.directory / "store" / "blobs" / "sha256" / digest
    whole = blob.read_bytes()
    try:
        blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        code, told = world.judge(version, "", MODEL_CACHE=str(world.directory / "empty"))
    finally:
        blob.write_bytes(whole)
    assert (code, list(told)) == (4, ["artifact", "verdict"])


@pytest.mark.parametrize(
    ("version", "env", "code", "words"),
    [
        ("3", {"HOLDOUT_DATA_VERSION": ""}, 78, "HOLDOUT_DATA_VERSION is not set"),
        ("3", {"HOLDOUT_DATA_VERSION": "kept"}, 78, "HOLDOUT_DATA_VERSION: 'kept' is not a version of a dataset"),
        ("3", {"GATE_MARGIN": "much"}, 78, "GATE_MARGIN='much' is not a number"),
        ("3", {"GATE_METRICS": "auc,f1"}, 78, "GATE_METRICS: 'f1' is none of auc, average_precision"),
        ("3", {"MODEL_STORE_URL": ""}, 78, "MODEL_STORE_URL is missing"),
        ("99", {}, 1, "sides@99 is not in"),
        ("3", {"HOLDOUT_DATA_VERSION": "kept@" + "0" * 64}, 1, "is not in"),
        ("3", {"GATE_TARGET": "truth"}, 1, 'no column "truth"'),
    ],
)
def test_what_keeps_it_from_judging_is_one_sentence(world, capsys, version, env, code, words):
    assert world.judge(version, "1", **env)[0] == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(("seconds", "ok"), [(0.004, False), (0.0, True)])
def test_a_slower_model_is_refused_but_not_for_microseconds(world, monkeypatch, seconds, ok):
    """Against a champion that takes a millisecond, or nothing: then a quarter of a millisecond more is allowed."""
    monkeypatch.setattr(judged, "ROUND_SECONDS", 0.02)
    manifest = models.resolve(world.store, "1", "sides").manifest

    def taking(duration):
        return judged.Judged(manifest, "", 0.0, lambda _inputs: time.sleep(duration) if duration else None)

    case = checks.Case(taking(seconds), taking(seconds / 4), tables.Table({}), None)
    latency = next(check for check in checks.budgets(case) if check.check == "latency")
    assert latency.ok is ok
    assert latency.limit >= checks.TIMER


def test_a_machine_that_is_busy_for_a_while_refuses_nobody(world, monkeypatch):
    manifest = models.resolve(world.store, "1", "sides").manifest
    case = checks.Case(*(judged.Judged(manifest, "", 0.0, name) for name in ("new", "old")), tables.Table({}), None)
    busy = iter([1.4] * 20)
    monkeypatch.setattr(judged, "_round", lambda one: next(busy, 0.12) if one.predict == "new" else 0.1)
    latency = next(check for check in checks.budgets(case) if check.check == "latency")
    assert (latency.ok, latency.value) == (True, 0.12)
