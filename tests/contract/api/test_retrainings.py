"""Retrainings over the API; and what follows a training, step by step, on a real database and a real model store."""

from uuid import UUID

import pytest
from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.models import Draft
from twelve_runtime.artifacts.store import Store

from tests.support.live import wait_for
from twelve.core.model import RetrainingState
from twelve.core.policy import retrain as policy
from twelve.flow import gate, promotion
from twelve.flow.retrainer import Retrainer

pytestmark = pytest.mark.integration

CHECK = '{"event":"gate","check":"holdout","ok":%s,"value":2,"limit":1,"detail":"a bit"}'
VERDICT = '{"event":"gate","check":"verdict","ok":%s,"detail":"said $CANDIDATE_VERSION"}'
LINES = f"echo '{CHECK % 'true'}'; echo \"{VERDICT % 'true'}\"".replace(
    VERDICT % "true", (VERDICT % "true").replace('"', '\\"')
)
PROCFILE = f"web: serve\ntrain: fit\ngate: {LINES}; exit ${{GATE_EXIT:-0}}\n"
SIGNATURE = {
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1]}],
}
ONE = {"datatype": "FP32", "shape": [1], "data": [1.0]}
GOLDEN = [{"inputs": [{"name": "x", **ONE}], "outputs": [{"name": "y", **ONE}]}]


class World:
    """A deployed app with a store, and what a training would do."""

    def __init__(self, api, app, directory):
        self.api, self.app = api, app
        self.url = f"file://{directory}/store"
        self.store = Store.open(self.url, make=True)
        self.retrainer = Retrainer(api.platform)

    def publish(self, process="train.1", app=None):
        draft = Draft("digits", "onnx", SIGNATURE, GOLDEN, lineage={"app": app or self.app, "process": process})
        return models.publish(self.store, draft, {"model.onnx": process.encode()}).version

    def config(self, **values):
        return self.api.patch(f"/apps/{self.app}/config-vars", values)

    def begin(self, **body):
        return self.api.post(f"/apps/{self.app}/retrainings", body)

    def ended(self, one, status=0):
        """Its process ends; everything that follows."""
        self.api.platform.engine.end(UUID(one["id"]), status)
        assert self.retrainer.settle()
        self.retrainer.advance(UUID(one["id"]))
        return self.api.get(f"/apps/{self.app}/retrainings/{one['id']}")

    def retrained(self, process):
        """With one new version."""
        one = self.begin()
        self.publish(process)
        return self.ended(one)

    @property
    def serving(self):
        current = self.api.platform.releases.current(self.api.platform.apps.get(self.app))
        return current.version, current.config.get("MODEL_VERSION")


@pytest.fixture
def world(api, app, tmp_path):
    api.deploy(app, PROCFILE)
    made = World(api, app, tmp_path)
    made.config(MODEL_STORE_URL=made.url, MODEL_NAME="digits")
    yield made
    for one in api.platform.retrainings.under_way():
        api.platform.retrainings.move(one.id, RetrainingState.FAILED)


def test_a_candidate_that_passes_is_released(world):
    before, _ = world.serving
    one = world.begin()
    assert (one["state"], one["model"], one["release"]["version"]) == ("training", "digits", before)
    [dyno] = [dyno for dyno in world.api.get(f"/apps/{world.app}/dynos") if dyno["type"] == "train"]
    assert (dyno["id"], dyno["name"], dyno["command"]) == (one["id"], one["dyno"], "fit")
    assert world.publish() == "1"
    one = world.ended(one)
    assert (one["state"], one["candidate"], one["champion"], one["exit_code"]) == ("promoted", "1", None, 0)
    assert (one["promoted"]["version"], "1") == world.serving
    assert one["reason"] == "said 1"
    assert one["checks"] == [{"check": "holdout", "ok": True, "value": 2, "limit": 1, "detail": "a bit"}]
    assert world.api.get(f"/apps/{world.app}/retrainings")[0] == one


def test_what_the_gate_refuses_changes_nothing_and_is_not_judged_again(world):
    world.retrained("train.1")
    world.config(GATE_EXIT="4")
    before = world.serving
    one = world.retrained("train.2")
    assert (one["state"], one["candidate"], one["champion"], one["exit_code"]) == ("refused", "2", "1", 52)
    assert world.serving == before
    again = world.ended(world.begin())
    assert (again["state"], again["exit_code"], again["candidate"]) == ("unchanged", 0, None)
    assert "Nothing new" in again["reason"]
    assert "digits@1 serves" in again["reason"]


def test_a_holdout_that_has_judged_many_says_so_until_another_one_is_taken(world, monkeypatch):
    monkeypatch.setattr(policy, "WORN", 3)
    world.config(GATE_EXIT="4", HOLDOUT_DATA_VERSION="rows@aa")
    judged = [world.retrained(f"train.{number}") for number in (1, 2)]
    judged.append(world.ended(world.begin()))  # nothing new is judged by nobody
    world.config(COLOUR="blue", HOLDOUT_DATA_VERSION="others@aa")  # another name, the same rows
    judged.append(world.retrained("train.3"))
    world.config(HOLDOUT_DATA_VERSION="rows@bb")
    judged.append(world.retrained("train.4"))
    worn = [[check["value"] for check in one["checks"] if check["check"] == "holdout_use"] for one in judged]
    assert worn == [[], [], [], [3], []]


def test_a_training_that_fails_says_so(world):
    one = world.ended(world.begin(), 1)
    assert (one["state"], one["exit_code"], one["exit_status"]) == ("failed", 63, 1)
    assert one["reason"] == "The training exited with status 1."


def test_a_gate_that_cannot_judge_leaves_the_candidate_for_the_next_time(world):
    world.config(GATE_EXIT="1")
    assert world.retrained("train.1")["state"] == "failed"
    world.config(GATE_EXIT=None)
    assert world.ended(world.begin())["candidate"] == "1"


def test_a_version_whose_training_was_killed_before_its_end_is_judged_by_the_next(world):
    one = world.begin()
    world.publish()
    assert world.ended(one, 137)["state"] == "failed"
    again = world.ended(world.begin())
    assert (again["state"], again["candidate"]) == ("promoted", "1")


def test_versions_of_others_are_no_candidates(world):
    one = world.begin()
    world.publish(app="another")
    world.publish(process="")
    assert world.ended(one)["state"] == "unchanged"


def test_an_app_is_retrained_once_at_a_time(world):
    one = world.begin()
    assert world.api.post(f"/apps/{world.app}/retrainings", {}, 409)["id"] == "conflict"
    world.ended(one)
    world.ended(world.begin())


def test_a_person_may_want_to_promote_it(world):
    world.config(RETRAIN_ON_PASS="keep")
    before = world.serving
    one = world.retrained("train.1")
    assert (one["state"], one["exit_code"], one["promoted"]) == ("kept", 0, None)
    assert "twelve models promote digits@1" in one["reason"]
    assert world.serving == before


def test_a_champion_that_has_changed_meanwhile_ends_it(world):
    world.retrained("train.1")
    world.publish(process="")  # 2, by a person
    one = world.begin()
    world.publish("train.3")
    platform = world.api.platform
    platform.retrainings.move(UUID(one["id"]), RetrainingState.TRAINED, exit_status=0)
    app, row = platform.apps.get(world.app), platform.retrainings.by_id(UUID(one["id"]))
    following = gate.candidate(platform, app, row)
    world.retrainer._to(app, row, following)
    world.config(MODEL_VERSION="2")
    world.retrainer.advance(row.id)
    found = world.api.get(f"/apps/{world.app}/retrainings/{one['id']}")
    assert (found["state"], found["exit_code"], found["candidate"]) == ("failed", 50, "3")
    assert "was compared with version 1, and 2 serves now" in found["reason"]


@pytest.mark.parametrize("killed", ["trained", "judging", "promoting", "config", "release"])
def test_a_server_that_dies_in_the_middle_is_gone_on_from(world, killed):
    """What it had put on record by then is where the next one begins: the candidate is released once."""
    platform, one = world.api.platform, world.begin()
    world.publish()
    app, run = platform.apps.get(world.app), UUID(one["id"])
    moves = platform.retrainings.move
    row = moves(run, RetrainingState.TRAINED, exit_status=0)
    if killed != "trained":
        row = world.retrainer._to(app, row, gate.candidate(platform, app, row))
    if killed not in {"trained", "judging"}:
        row = world.retrainer._to(app, row, gate.judge(platform, app, row))
    if killed == "config":  # between the change of config and the release of it
        platform.config.replace(app.id, platform.config.get(app.id).changed({"MODEL_VERSION": "1"}))
    if killed == "release":  # between the release and the record of it
        promotion.promote(platform, app, row)
    releases = len(platform.releases.list(app.id)) + (killed != "release")
    following = Retrainer(platform)
    following.tick()
    found = wait_for(
        lambda: not platform.retrainings.by_id(run).under_way and platform.retrainings.by_id(run), "its end"
    )
    assert (found.state, found.candidate, found.reason) == ("promoted", "1", "said 1")
    assert (found.promoted, "1") == world.serving
    assert len(platform.releases.list(app.id)) == releases


def test_two_servers_take_each_step_once(world):
    platform, one = world.api.platform, world.begin()
    world.publish()
    platform.retrainings.move(UUID(one["id"]), RetrainingState.TRAINED, exit_status=0)
    releases = len(platform.releases.list(platform.apps.get(world.app).id))
    for retrainer in (Retrainer(platform), Retrainer(platform)):
        retrainer.tick()
    wait_for(lambda: not platform.retrainings.under_way(), "its end")
    assert len(platform.releases.list(platform.apps.get(world.app).id)) == releases + 1


def test_a_training_whose_end_left_no_trace_counts_by_what_it_has_published(world):
    from datetime import UTC, datetime, timedelta

    platform = world.api.platform
    late = Retrainer(platform, lambda: datetime.now(UTC) + timedelta(seconds=120))
    for published, state in ((False, "failed"), (True, "promoted")):
        one = world.begin()
        platform.engine._forget(UUID(one["id"]))
        if published:
            world.publish()
        Retrainer(platform).tick()
        assert platform.retrainings.by_id(UUID(one["id"])).state == "training"  # it may just have been started
        late.tick()
        run = UUID(one["id"])
        wait_for(lambda run=run: not platform.retrainings.by_id(run).under_way, "its end")
        assert platform.retrainings.by_id(run).state == state


def test_by_the_clock_the_run_ends_when_all_of_it_has_ended(world):
    made = world.api.post(f"/apps/{world.app}/schedules", {"schedule": "0 3 * * *", "retrain": True, "name": "nightly"})
    assert (made["command"], made["retrain"]) == ("train", True)
    run = world.api.post(f"/apps/{world.app}/schedules/nightly/runs")
    assert (run["state"], run["dyno"].partition(".")[0]) == ("running", "train")
    world.config(GATE_EXIT="4")
    world.publish()
    [one] = world.api.get(f"/apps/{world.app}/retrainings")
    assert (one["id"], one["user"]["email"]) == (run["id"], "schedule nightly")
    world.api.platform.engine.end(UUID(run["id"]), 0)
    world.retrainer.settle()
    [still] = world.api.get(f"/apps/{world.app}/schedules/nightly/runs")
    assert still["state"] == "running"
    world.retrainer.advance(UUID(run["id"]))
    [ended] = world.api.get(f"/apps/{world.app}/schedules/nightly/runs")
    assert (ended["state"], ended["exit_status"], ended["reason"]) == ("ended", 52, "said 1")
    world.api.delete(f"/apps/{world.app}/schedules/nightly")


def test_a_schedule_of_a_process_type_that_is_not_there_is_refused(world):
    wish = {"schedule": "0 3 * * *", "retrain": True, "command": "trian", "name": "nightly"}
    answer = world.api.post(f"/apps/{world.app}/schedules", wish, 422)
    assert (answer["message"], answer["exit_code"]) == (f"{world.app} has no process type trian.", 60)
    assert world.api.get(f"/apps/{world.app}/schedules") == []


def test_latest_data_is_resolved_when_it_begins(world, tmp_path):
    (tmp_path / "rows.csv").write_text("x,target\n1,0\n")
    tree = datasets.push(world.store, "digits", tmp_path / "rows.csv").dataset.tree
    world.config(TRAINING_DATA_VERSION="latest")
    one = world.begin()
    assert one["data"] == f"digits@{tree}"
    [spec] = [spec for spec in world.api.platform.engine.started if str(spec.id) == one["id"]]
    assert spec.env["TRAINING_DATA_VERSION"] == f"digits@{tree}"
    world.ended(one)
    world.config(TRAINING_DATA_VERSION="nothing@latest")
    answer = world.api.post(f"/apps/{world.app}/retrainings", {}, 422)
    assert "no dataset nothing" in answer["message"]


@pytest.mark.parametrize(
    ("procfile", "config", "code", "words"),
    [
        ("web: serve\n", {}, 60, "no process type train"),
        (PROCFILE, {"MODEL_NAME": None}, 30, "MODEL_NAME is not set"),
        (PROCFILE, {"MODEL_STORE_URL": None}, 30, "MODEL_STORE_URL is not set"),
        (PROCFILE, {"MODEL_STORE_URL": "file:///nowhere"}, 41, "not a directory"),
    ],
)
def test_what_is_missing_is_one_sentence(world, procfile, config, code, words):
    if procfile != PROCFILE:
        world.api.deploy(world.app, procfile)
    world.config(**config)
    answer = world.api.client.post(f"/apps/{world.app}/retrainings", json={}).json()
    if answer.get("state") == "training":
        answer = world.ended(answer)
        assert (answer["state"], answer["exit_code"]) == ("failed", code)
        assert words in answer["reason"]
    else:
        assert answer["exit_code"] == code
        assert words in answer["message"]


def test_a_stopped_app_is_not_retrained(world):
    world.api.post(f"/apps/{world.app}/actions/stop", status=202)
    assert "is stopped" in world.api.post(f"/apps/{world.app}/retrainings", {}, 422)["message"]
