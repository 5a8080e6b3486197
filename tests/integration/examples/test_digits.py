"""The digits example from its README, on a real platform: train, serve, retrain, refuse, fall back, roll back."""

import json
import shutil
import subprocess
import threading
import urllib.error

import pytest
from sklearn.datasets import load_digits

from tests.support.live import ROOT, running, wait_for
from twelve.core import errors

pytestmark = pytest.mark.integration

APP = "digits"
DIGITS = load_digits()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The example with today's library: the wheel it brings may be older."""
    made = shutil.copytree(ROOT / "examples" / "digits", tmp_path_factory.mktemp("source") / "digits")
    subprocess.run([ROOT / "script" / "vendor", made], check=True, capture_output=True, text=True, timeout=60)
    return made


@pytest.fixture(scope="module")
def own(tmp_path_factory, source):
    with running(tmp_path_factory.mktemp("home")) as platform:
        platform.up(source, APP)
        yield platform


def known(own, rows):
    """More digits have become known."""
    own.cli("run", "-a", APP, "--", "python", "-m", "digits.data", str(rows))


def retrain(own, code=0):
    done = own.cli("retrain", "-a", APP, "--json", ok=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def predict(own, row, **headers):
    body = json.dumps({"X": DIGITS.data[row].tolist()}).encode()
    return own.get(APP, "/predict", {"content-type": "application/json"} | headers, body)


def version_for(own, user):
    return json.loads(predict(own, 1500, **{"x-user-id": user}).body)["_meta"]["version"]


class Asking:
    """Asks without a pause until told to stop; counts what was not answered with 200.

    Each digit in turn: the gate looks at what is asked, and one digit again and again is not what was trained on.
    """

    def __init__(self, own):
        self.own, self.asked, self.lost = own, 0, []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.ask)

    def ask(self):
        while not self.done.is_set():
            self.asked += 1
            try:
                answer = predict(self.own, self.asked % len(DIGITS.data))
            except (OSError, urllib.error.URLError) as error:
                self.lost.append(error)
            else:
                if answer.status != 200:
                    self.lost.append(answer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def test_from_no_model_to_a_better_one_and_back(own):
    """One story, as each part stands on the one before it."""
    assert own.processes(APP) == []
    known(own, 600)
    first = retrain(own)
    assert (first["state"], first["candidate"], first["champion"]) == ("promoted", "1", None)
    assert {check["check"] for check in first["checks"]} > {"golden", "overlap", "baseline", "drift"}
    own.cli("scale", "-a", APP, "web=1")
    answer = predict(own, 1500)
    said = json.loads(answer.body)
    assert (answer.status, said["label"], said["_meta"]["version"]) == (200, int(DIGITS.target[1500]), "1")
    assert (answer.headers["x-twelve-model"], answer.headers["x-twelve-fallback"]) == ("digits@1", "0")

    known(own, 1200)
    with Asking(own) as asking:
        better = retrain(own)
    assert (better["state"], better["candidate"], better["champion"]) == ("promoted", "2", "1")
    assert asking.asked > 0
    assert not asking.lost
    assert json.loads(predict(own, 1500).body)["_meta"]["version"] == "2"
    serving = better["promoted"]["version"]
    assert own.json("releases", "-a", APP)[-1]["version"] == serving

    own.cli("rollback", "-a", APP)
    assert json.loads(predict(own, 1500).body)["_meta"]["version"] == "1"


def test_a_worse_model_is_refused_and_changes_nothing(own):
    before = own.json("releases", "-a", APP)
    own.cli("config", "set", "-a", APP, "TREES=1", "MODEL_VERSION=2")
    releases = len(own.json("releases", "-a", APP))
    refused = retrain(own, errors.CandidateRefused.exit_code)
    assert (refused["state"], refused["champion"]) == ("refused", "2")
    assert [check["check"] for check in refused["checks"] if not check["ok"]] == ["holdout"]
    assert len(own.json("releases", "-a", APP)) == releases > len(before)
    own.cli("schedule", "run", "nightly", "-a", APP)
    ended = wait_for(
        lambda: [run for run in own.json("schedule", "history", "nightly", "-a", APP) if run["ended_at"]], "tonight", 60
    )
    assert (ended[0]["state"], ended[0]["exit_status"]) == ("ended", 0)
    assert "Nothing new" in ended[0]["reason"]


def test_a_server_killed_in_the_middle_of_a_retraining_is_gone_on_from(own):
    own.cli("config", "set", "-a", APP, "TREES=50")
    made = own.cli("retrain", "-a", APP, "--detach", "--json")
    run = json.loads(made.stdout)["id"]
    own.kill_server()
    own.serve()
    ended = wait_for(
        lambda: (one := own.api(f"/apps/{APP}/retrainings/{run}"))["ended_at"] and one, "the retraining's end", 90
    )
    assert (ended["state"], ended["champion"]) == ("promoted", "2")
    assert json.loads(predict(own, 1500).body)["_meta"]["version"] == ended["candidate"]
    assert [one["candidate"] for one in own.api(f"/apps/{APP}/retrainings")].count(ended["candidate"]) == 1


def test_a_canary_shares_users_out_and_is_promoted(own):
    own.cli("config", "set", "-a", APP, "RETRAIN_ON_PASS=canary", "TREES=60")
    made = retrain(own)
    assert (made["state"], made["promoted"] is not None) == ("promoted", True)
    variants = own.api(f"/apps/{APP}/rollouts/current")["variants"]
    assert [(one["share"], one["release"]["version"]) for one in variants[1:]] == [(5, made["promoted"]["version"])]
    own.cli("rollout", "ramp", "-a", APP, f"v{made['promoted']['version']}=50")
    served = {user: {version_for(own, f"user-{user}") for _ in range(2)} for user in range(16)}
    assert all(len(versions) == 1 for versions in served.values())
    assert set().union(*served.values()) == {made["champion"], made["candidate"]}
    own.cli("rollout", "promote", "-a", APP)
    assert version_for(own, "anybody") == made["candidate"]


def test_without_its_file_new_processes_answer_by_the_rule(own):
    own.cli("run", "-a", APP, "--", "python", "-m", "digits.outage", "begin")
    try:
        assert json.loads(predict(own, 1500).body)["_meta"]["fallback"] == 0  # what runs has loaded it
        own.cli("restart", "-a", APP, "web")
        said = json.loads(predict(own, 1500).body)
        assert (said["_meta"]["fallback"], said["_meta"]["fallback_reason"]) == (1, "not_loaded")
        assert said["label"] == 1
    finally:
        own.cli("run", "-a", APP, "--", "python", "-m", "digits.outage", "end")
    own.cli("restart", "-a", APP, "web")
    assert json.loads(predict(own, 1500).body)["_meta"]["fallback"] == 0


def test_a_new_release_without_its_model_takes_no_request(own, tmp_path):
    """What serves has its model; a rule in its place would be worse."""
    before = json.loads(predict(own, 1500).body)["_meta"]
    name = f"{APP}@{before['version']}"
    own.cli("models", "pull", "-a", APP, name, str(tmp_path / "files"))
    about = own.json("models", "show", "-a", APP, name)
    about["golden"][0]["outputs"][0]["data"][0] = -1
    (tmp_path / "about.json").write_text(json.dumps({key: about[key] for key in ("framework", "signature", "golden")}))
    (file,) = (tmp_path / "files").iterdir()
    broken = own.json("models", "push", "-a", APP, APP, str(file), "--about", str(tmp_path / "about.json"))["version"]

    refused = own.cli("models", "promote", "-a", APP, f"{APP}@{broken}", ok=False)
    assert refused.returncode == errors.BootCrash.exit_code
    assert "MODEL_START_DEGRADED" in refused.stderr
    now = json.loads(predict(own, 1500).body)["_meta"]
    assert (now["version"], now["release"], now["fallback"]) == (before["version"], before["release"], 0)

    own.cli("config", "set", "-a", APP, f"MODEL_VERSION={broken}", "MODEL_START_DEGRADED=1")
    assert json.loads(predict(own, 1500).body)["_meta"]["fallback"] == 1
    own.cli("rollback", "-a", APP)
    assert json.loads(predict(own, 1500).body)["_meta"]["version"] == before["version"]


def test_drift_is_told_from_the_log(own):
    predict(own, 0)
    log = own.cli("logs", "-n", "1500", "-a", APP).stdout
    done = own.cli("run", "-a", APP, "--no-tty", "drift", text=log, ok=False)
    assert done.returncode in {0, 3}
    *drifts, summary = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["event"] for one in drifts} == {"drift"}
    assert (summary["event"], summary["features"]) == ("drift_summary", len(drifts))
    assert sum(summary[level] for level in ("major", "moderate", "none", "insufficient")) == len(drifts)
