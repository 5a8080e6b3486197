"""Rollouts over the API: what they say, what is refused, and what they do to the ledger."""

import pytest

from twelve.flow.rollout_ending import settle

pytestmark = pytest.mark.integration

UNIT = {"unit": "header:X-User-Id"}


@pytest.fixture
def candidate(api, deployed):
    """An app that serves v1; v2 is a candidate."""
    made = api.post(f"/apps/{deployed}/candidates", {"config_vars": {"MODEL": "new"}})
    assert (made["version"], made["status"], made["candidate"], made["current"]) == (2, "succeeded", True, False)
    assert made["eligible_for_rollback"] is False
    return deployed


def begin(api, app, **body):
    return api.post(f"/apps/{app}/rollouts", {"shares": {"v1": "90", "v2": "10"}} | UNIT | body)


def test_a_candidate_changes_nothing_of_the_app(api, candidate):
    assert api.get(f"/apps/{candidate}/config-vars") == {}
    assert api.get(f"/apps/{candidate}/releases/v2/config-vars") == {"MODEL": "new"}
    assert api.get(f"/apps/{candidate}/releases/current")["version"] == 1
    refused = api.call("POST", f"/apps/{candidate}/releases", 422, json={"release": "v2"}).json()
    assert "candidate" in refused["message"]
    assert "no earlier release" in api.call("POST", f"/apps/{candidate}/releases", 422, json={}).json()["message"]


def test_a_build_may_make_a_candidate(api, deployed):
    build = api.deploy(deployed, candidate=True)
    assert build["status"] == "succeeded"
    assert api.get(f"/apps/{deployed}/releases/v2")["candidate"] is True
    assert api.get(f"/apps/{deployed}/releases/current")["version"] == 1


def test_a_first_release_is_no_candidate(api, app):
    url = api.upload(Procfile="web: serve")
    refused = api.call("POST", f"/apps/{app}/builds", 422, json={"source_blob": {"url": url}, "candidate": True})
    assert "nothing to be a candidate beside" in refused.json()["message"]


def test_from_start_to_promote(api, candidate):
    made = begin(api, candidate)
    assert (made["experiment"], made["phase"], made["status"]) == (f"{candidate}.1", 1, "running")
    assert [(one["name"], one["release"]["version"], one["share"]) for one in made["variants"]] == [
        ("a", 1, 90.0), ("b", 2, 10.0),
    ]  # fmt: skip
    dynos = {one["name"]: (one["release"]["version"], one["variant"]) for one in api.get(f"/apps/{candidate}/dynos")}
    assert dynos == {"web.1": (1, "a"), "web.10001": (2, "b")}
    ramped = api.post(f"/apps/{candidate}/rollouts/current/actions/ramp", {"shares": {"v2": 50}}, 200)
    assert (ramped["phase"], ramped["variants"][1]["ranges"]) == (2, [[0, 999], [1000, 4999]])
    release = api.post(f"/apps/{candidate}/rollouts/current/actions/promote", {}, 200)
    assert (release["version"], release["description"], release["candidate"]) == (3, "Promote v2", False)
    assert release["current"] is True
    assert api.get(f"/apps/{candidate}/config-vars") == {"MODEL": "new"}
    last = api.get(f"/apps/{candidate}/rollouts/current")
    assert (last["status"], last["reason"]) == ("promoted", "v2 became v3")
    assert api.get(f"/apps/{candidate}/rollouts/{last['id']}") == api.get(f"/apps/{candidate}/rollouts/{candidate}.1")
    assert [one["status"] for one in api.get(f"/apps/{candidate}/rollouts")] == ["promoted"]


def test_a_release_is_new_until_it_has_served(api, candidate):
    """Told to its processes at their first start: then a process may refuse to take over without all it needs."""

    def started():
        mine = [spec for spec in api.platform.engine.started if spec.app == candidate and spec.type == "web"]
        return [(spec.name, spec.new) for spec in mine]

    assert started() == [("web.1", True)]
    begin(api, candidate)
    assert started()[1:] == [("web.10001", True)]
    api.patch(f"/apps/{candidate}/formation", {"updates": [{"type": "web", "quantity": 2}]})
    api.post(f"/apps/{candidate}/rollouts/current/actions/ramp", {"shares": {"v2": 60}}, 200)
    assert started()[2:] == [("web.2", False), ("web.10002", False)]
    api.post(f"/apps/{candidate}/rollouts/current/actions/promote", {}, 200)
    assert {new for _, new in started()[4:]} == {False}


def test_while_it_runs_nothing_else_becomes_current(api, candidate):
    begin(api, candidate)
    refused = api.call("PATCH", f"/apps/{candidate}/config-vars", 409, json={"A": "1"}).json()
    assert "is running" in refused["message"]
    assert api.get(f"/apps/{candidate}/config-vars") == {}
    url = api.upload(Procfile="web: serve")
    api.call("POST", f"/apps/{candidate}/builds", 409, json={"source_blob": {"url": url}})
    api.call("POST", f"/apps/{candidate}/rollouts", 409, json={"shares": {"v2": "10"}} | UNIT)
    assert api.post(f"/apps/{candidate}/candidates", {"config_vars": {"MODEL": "newer"}})["version"] == 3
    ended = api.post(f"/apps/{candidate}/rollouts/current/actions/abort", {"reason": "too slow"}, 200)
    assert (ended["status"], ended["reason"]) == ("aborted", "too slow")
    api.patch(f"/apps/{candidate}/config-vars", {"A": "1"})


def test_a_rollback_aborts_it(api, candidate):
    begin(api, candidate)
    api.lenient("POST", f"/apps/{candidate}/releases", {"release": "v1"}, 201)
    assert api.get(f"/apps/{candidate}/rollouts/current")["status"] == "aborted"
    assert {one["name"] for one in api.get(f"/apps/{candidate}/dynos")} == {"web.1"}


NO_ROLLOUT = [
    ({}, 422, "another release than the current one"),
    ({"shares": {"v2": "x"}}, 422, "is not a share"),
    ({"shares": {"two": "10"}}, 422, "is not a release"),
    ({"shares": {"v9": "10"}}, 404, "no release 9"),
    ({"shares": {"v1": "80", "v2": "10"}}, 422, "add up to 90 %"),
    ({"shares": {"v2": "10"}, "unit": "ip"}, 422, "is not where a unit can be"),
    ({"shares": {"v2": "10"}, "unit": None}, 422, "needs to know whose a request is"),
    ({"shares": {"v2": "10"}, "name": "A b"}, 422, "is not a name of a rollout"),
    ({"shares": {"v2": "10"}, "processes": {"v7": 2}}, 422, "v7 is no variant"),
    ({"shares": {"v2": "10"}, "processes": {"v2": 0}}, 422, "1 to 999 processes"),
    ({"shares": {"v2": "10"}, "shadow": "v2"}, 422, "needs no copies"),
    ({"shares": {"v2": "10"}, "settings": {"alpha": 7}}, 422, "alpha"),
    ({"shares": {"v2": "10"}, "settings": {"metrc": "click"}}, 422, "no setting of a rollout"),
    ({"settings": {"canary": True}}, 422, "A canary has one treatment"),
]


def test_what_is_no_rollout(api, candidate):
    for body, status, problem in NO_ROLLOUT:
        answer = api.call("POST", f"/apps/{candidate}/rollouts", status, json=UNIT | body)
        assert problem in answer.json()["message"]
    assert api.get(f"/apps/{candidate}/rollouts") == []


def test_what_is_no_ramp(api, candidate):
    path = f"/apps/{candidate}/rollouts/current/actions/ramp"
    assert api.call("POST", path, 404, json={"shares": {"v2": "20"}}).json()["resource"] == "rollout"
    begin(api, candidate)
    for shares, problem in (({"v2": "5"}, "cannot get less"), ({"v2": "10"}, "already"), ({}, "already")):
        assert problem in api.call("POST", path, 422, json={"shares": shares}).json()["message"]
    assert api.get(f"/apps/{candidate}/rollouts/current")["phase"] == 1
    api.call("GET", f"/apps/{candidate}/rollouts/shop.9", 404)


def test_a_canary_that_has_begun_gets_no_second_treatment(api, candidate):
    """It would take no step by itself any more."""
    api.post(f"/apps/{candidate}/candidates", {"config_vars": {"MORE": "1"}})
    begin(api, candidate, settings={"canary": True})
    path = f"/apps/{candidate}/rollouts/current/actions/ramp"
    assert "A canary has one treatment" in api.call("POST", path, 422, json={"shares": {"v3": "10"}}).json()["message"]
    assert api.get(f"/apps/{candidate}/rollouts/current")["phase"] == 1


def test_a_promotion_that_was_cut_off_before_its_end_is_ended_by_the_next_server(api, candidate):
    begin(api, candidate)
    app = api.platform.apps.get(candidate)
    settle(api.platform, app)
    assert api.get(f"/apps/{candidate}/rollouts/current")["status"] == "running", "nothing is wrong with it"
    made = api.platform.releases.get(app.id, 2)
    settle(api.platform, api.platform.apps.change(app.id, current_release=made.id))
    ended = api.get(f"/apps/{candidate}/rollouts/current")
    assert (ended["status"], ended["reason"]) == ("promoted", "v2 serves alone")


def test_where_releases_are_previewed_nothing_else_can_be(api, app):
    assert "previewed" in api.call("POST", "/apps", 422, json={"name": "v13--shop"}).json()["message"]
    domain = {"hostname": f"v13--{app}.example.com"}
    assert "previewed" in api.call("POST", f"/apps/{app}/domains", 422, json=domain).json()["message"]
