"""A release that is healthy and then crashes goes back by itself; the ledger and the log say so."""

import pytest

from tests.support.live import FIXTURES, running, wait_for

pytestmark = pytest.mark.integration


def test_a_release_that_keeps_crashing_goes_back_by_itself_and_says_so(live):
    live.up(FIXTURES / "hello", "probation")
    live.cli("config", "set", "GREETING=hej", "--app", "probation")
    live.up(FIXTURES / "shortlived", "probation")
    good, bad = ledger(live, "probation")[-2:]
    assert (good["version"], bad["version"], bad["status"]) == (2, 3, "succeeded")
    wait_for(lambda: ledger(live, "probation")[2]["status"] == "failed", "the way back")
    *_, bad, back = ledger(live, "probation")
    assert (back["version"], back["current"], back["status"]) == (4, True, "succeeded")
    assert back["description"] == "Rollback to v2: v3 kept crashing"
    assert bad["failure"]["message"] == "web exited 2 times within 60 seconds of the switch; v4 went back to v2."
    assert live.get("probation").body == "hej 1\n"
    said = live.cli("logs", "--app", "probation").stdout
    assert "Rollback to v2: v3 kept crashing by user" in said
    assert "v4 went back to v2" in live.cli("releases", "info", "v3", "--app", "probation").stdout
    assert live.cli("rollback", "v3", "--app", "probation", ok=False).returncode != 0


def test_the_next_server_goes_on_watching(tmp_path):
    with running(tmp_path / "home") as own:
        own.up(FIXTURES / "hello", "watched")
        own.up(FIXTURES / "shortlived", "watched")
        own.kill_server()
        own.cli("up", str(FIXTURES / "hello"), "--app", "another", "--detach")
        wait_for(lambda: ledger(own, "watched")[1]["status"] == "failed", "the way back")
        assert own.get("watched").body == "hello 1\n"


def test_a_first_release_has_nothing_to_go_back_to(live):
    live.up(FIXTURES / "shortlived", "first")
    wait_for(
        lambda: live.cli("logs", "--app", "first", "-n", "500").stdout.count("Process exited with status 1") >= 3,
        "the third exit",
        30,
    )
    assert [row["version"] for row in ledger(live, "first")] == [1]


def ledger(live, app):
    return live.json("releases", "list", "--app", app)
