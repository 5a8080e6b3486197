"""The live audit of real apps: what it sees, what it cannot, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.live import FIXTURES, ROOT, wait_for
from twelve.audit.model import AI_ITEMS, Verdict
from twelve.audit.probes import disposability, jobs
from twelve.audit.probes.run import all_probes, observe
from twelve.audit.probes.trial import trial

pytestmark = pytest.mark.integration


def observed(codebase, without=()):
    return {one.probe: one for one in observe(codebase, lambda _: None, without=without)}


def test_a_good_app_passes_all_it_is_asked_and_nothing_stays():
    seen = observed(ROOT / "examples" / "notes", AI_ITEMS)
    assert {probe: one.text for probe, one in seen.items() if one.verdict is not Verdict.PASS} == {}
    assert seen.keys() == {probe.id for probe in all_probes() if probe.item not in AI_ITEMS}
    left = subprocess.run(["pgrep", "-af", "twelve-audit-"], capture_output=True, text=True, check=False).stdout
    assert left == ""


def test_an_app_that_does_not_start_still_tells_what_could_be_learned():
    seen = observed(FIXTURES / "brokenimport")
    assert seen["TF02-live-clean-build"].verdict is Verdict.FAIL
    assert "No module named" in seen["TF02-live-clean-build"].text
    others = [one for probe, one in seen.items() if probe != "TF02-live-clean-build"]
    assert {one.verdict for one in others} == {Verdict.UNKNOWN}
    assert all(one.text.startswith("The app does not run: web.1 exited") for one in others)


SINNER = """
import http.server, os, signal

signal.signal(signal.SIGTERM, signal.SIG_IGN)
log = open("app.log", "a")
log.write("started\\\\n")
log.flush()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        open("visits", "a").write("one\\\\n")
        body = repr(dict(os.environ)).encode()
        self.send_response(500 if self.path == "/no-such-page" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass

http.server.HTTPServer(("0.0.0.0", int(os.environ["PORT"])), Handler).serve_forever()
"""


@pytest.fixture
def sinner(tmp_path):
    (tmp_path / "Procfile").write_text("web: python3 web.py\n")
    (tmp_path / "app.json").write_text('{"formation": {"web": {"stop_timeout": 2}}}')
    (tmp_path / ".env.example").write_text("API_TOKEN=\nGREETING=hello\n")
    (tmp_path / "web.py").write_text(SINNER)
    return tmp_path


def test_what_a_bad_app_does_is_seen(sinner, monkeypatch):
    monkeypatch.setattr(disposability, "IN_TIME", 1.0)
    seen = observed(sinner)
    bad = {probe for probe, one in seen.items() if one.verdict in {Verdict.FAIL, Verdict.PARTIAL}}
    assert bad == {
        "TF03-live-missing-config",
        "TF03-live-secret-leak",
        "TF06-live-write",
        "TF09-live-sigterm",
        "TF11-live-log-files",
        "TF11-live-stream",
    }
    assert "app.log" in seen["TF06-live-write"].text
    assert "visits" in seen["TF06-live-write"].text
    assert seen["TF11-live-log-files"].text == "It holds files open to append to: /app/app.log."
    assert "API_TOKEN in GET /" in seen["TF03-live-secret-leak"].text
    assert "canary" not in seen["TF03-live-secret-leak"].text


def test_a_job_that_was_only_in_the_worker_is_lost_and_one_that_was_moved_to_another_list_comes_back():
    (probe,) = jobs.PROBES.probes
    with trial(FIXTURES / "lostjob") as tried:
        tried.deploy()
        assert tried.failure == ""
        popping = probe.observe(tried)
        tried.configure({"TAKE": "BLMOVE"})
        moving = probe.observe(tried)
    assert (popping.verdict, popping.text) == (
        Verdict.PARTIAL,
        "worker had taken a job from jobs by BLPOP when it was ended by SIGTERM: the job is in Redis no more.",
    )
    assert (moving.verdict, "from jobs by BLMOVE" in moving.text) == (Verdict.PASS, True)


def test_nothing_stays_of_one_that_is_ended_in_the_middle(tmp_path):
    """Whoever is impatient and asks again waits as long."""
    command = [sys.executable, "-m", "twelve", "audit", str(FIXTURES / "hello"), "--live"]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as audit:
        wait_for(lambda: "TF02-live-clean-build" in audit.stderr.readline(), "the first question", 60)
        audit.send_signal(signal.SIGINT)
        wait_for(lambda: "Taking the throw-away platform away" in audit.stderr.readline(), "the end's beginning")
        audit.send_signal(signal.SIGTERM)
        assert audit.wait(60) == 130
    assert list(tmp_path.iterdir()) == []
    assert _running(tmp_path) == ""


@pytest.mark.parametrize("step", ["TF02-live-clean-build", "TF07-live-port"])
def test_nothing_stays_of_one_that_is_killed_in_the_middle(tmp_path, step):
    """In the first step a second platform has just begun."""
    command = [sys.executable, "-m", "twelve", "audit", str(FIXTURES / "hello"), "--live"]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as audit:
        wait_for(lambda: step in audit.stderr.readline(), step, 60)
        assert _running(tmp_path) != ""
        audit.kill()
    wait_for(lambda: not any(tmp_path.iterdir()) and _running(tmp_path) == "", "everything to be taken away", 60)


def _running(directory):
    return subprocess.run(["pgrep", "-af", str(directory)], capture_output=True, text=True, check=False).stdout


def test_the_command_tells_it_all(tmp_path):
    app = FIXTURES / "brokenimport"
    command = [sys.executable, "-m", "twelve", "audit", str(app), "--live", "--factor", "II"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(tmp_path))
    assert done.returncode == 1
    assert "TF02-live-clean-build" in done.stdout
    assert "-----> Building, releasing and starting the app" in done.stderr
