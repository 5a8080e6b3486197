"""A server that is killed in the middle of an operation: the next one leaves either the old or the new, never half of it.

The steps are found from outside, by what each of them leaves to be seen: an app that builds, has a release command, and
boots for a while lasts long enough at each step to be struck there.
"""

import json
import os
import shutil
import signal
import subprocess

import pytest

from tests.chaos.world import DEADLINE, alive, quietly
from tests.support.live import FIXTURES, running, wait_for
from tests.support.load import Load

pytestmark = pytest.mark.integration

APP = "cut"
SLOW_BOOT = '\nif __name__ == "__main__":\n    time.sleep(float(os.environ.get("BOOT", "0")))\n'
STEPS = {  # what is to be seen when the step has begun
    "receive": lambda p: any(p.home.glob("uploads/*")),
    "build": lambda p: builds(p)[-1]["status"] == "pending" and len(builds(p)) > p.built,
    "release command": lambda p: names(p, "release."),
    "boot": lambda p: len(names(p, "web.")) == 3,
    "switch": lambda p: releases(p)[-1]["version"] == p.version + 1 and releases(p)[-1]["status"] == "succeeded",
}


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    source = shutil.copytree(FIXTURES / "hello", tmp_path_factory.mktemp("source") / APP)
    code = (source / "web.py").read_text()
    code = code.replace("import os\n", "import os\nimport time\n").replace('\nif __name__ == "__main__":\n', SLOW_BOOT)
    (source / "web.py").write_text(code)
    (source / "Procfile").write_text("web: python3 web.py\nrelease: sleep 0.4\n")
    (source / "app.json").write_text(json.dumps({"formation": {"web": {"quantity": 2, "drain_timeout": 2}}}))
    with running(tmp_path_factory.mktemp("cut") / "home") as live:
        live.source, live.built, live.version = source, 0, 0
        live.up(source, APP)
        live.cli("config", "set", "BOOT=0.5", "--app", APP)
        yield live


EARLY = ("receive", "build")  # nothing of a release is there yet


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=pytest.mark.storm if step in EARLY else ()) for step in STEPS]
)
def test_a_deploy_cut_off_leaves_one_whole_release(platform, step):
    change(platform)
    strike(platform, ["up", str(platform.source), "--app", APP, "--detach"], lambda: STEPS[step](platform))


@pytest.mark.parametrize("words", [["restart"], ["scale", "web=4"], ["scale", "web=2"], ["rollback"]], ids=" ".join)
def test_an_operation_cut_off_leaves_one_whole_formation(platform, words):
    """Struck when the new processes boot, or, where there are none, when the old ones drain."""
    before = names(platform, "web.")
    strike(platform, [*words, "--app", APP], lambda: names(platform, "web.") != before)


def strike(platform, words, begun):
    platform.built, platform.version = len(builds(platform)), releases(platform)[-1]["version"]
    with Load(platform.router_port, f"{APP}.localhost", rate=50) as load:
        command = subprocess.Popen(
            platform.command(*words), env=platform.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(lambda: quietly(begun), "the step", DEADLINE)
        server = platform.server_pid()
        os.kill(server, signal.SIGKILL)
        wait_for(lambda: not alive(server), "the server's end")
        told = command.wait(60)
        platform.serve()
        wait_for(lambda: whole(platform), "one whole formation of the current release", DEADLINE)
    assert load.failures == []
    newest = releases(platform)[-1]
    assert told != 0 or newest["current"], "it said that it was done"
    assert not [row for row in releases(platform) if row["status"] == "pending"]
    assert not [row for row in builds(platform) if row["status"] == "pending"]


def whole(platform):
    """Every place of the formation once, of the current release, and nothing else; the answer is its own."""
    current = next(row for row in releases(platform) if row["current"])
    [entry] = [row for row in platform.api(f"/apps/{APP}/formation") if row["type"] == "web"]
    rows = platform.api(f"/apps/{APP}/dynos")
    found = sorted((row["name"], row["release"]["version"], row["state"]) for row in rows)
    return found == [(f"web.{n}", current["version"], "up") for n in range(1, entry["quantity"] + 1)]


def change(platform):
    """Another version, so that nothing is reused."""
    code = (platform.source / "web.py").read_text()
    (platform.source / "web.py").write_text(code + "\n# another version\n")


def names(platform, start):
    return [row["name"] for row in platform.api(f"/apps/{APP}/dynos") if row["name"].startswith(start)]


def releases(platform):
    return platform.api(f"/apps/{APP}/releases")


def builds(platform):
    return platform.api(f"/apps/{APP}/builds")
