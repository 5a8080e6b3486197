import pytest

pytestmark = pytest.mark.integration


def quantities(api, app):
    return {row["type"]: row["quantity"] for row in api.get(f"/apps/{app}/formation")}


def test_the_first_deploy_runs_one_web_process(api, deployed):
    assert quantities(api, deployed) == {"web": 1, "worker": 0}
    [web, _] = api.get(f"/apps/{deployed}/formation")
    assert (web["command"], web["size"], web["dyno_size"]["name"]) == ("serve", "standard-1x", "standard-1x")
    for ref in ("web", web["id"]):
        assert api.get(f"/apps/{deployed}/formation/{ref}") == web


@pytest.mark.parametrize(("asked", "reached"), [("3", 3), (3, 3), ("+1", 2), ("-1", 0), ("0", 0)])
def test_scale_one(api, deployed, asked, reached):
    assert api.patch(f"/apps/{deployed}/formation/web", {"quantity": asked})["quantity"] == reached
    assert len(api.get(f"/apps/{deployed}/dynos")) == reached


def test_scale_several_at_once(api, deployed):
    updates = [{"type": "web", "quantity": "2"}, {"type": "worker", "quantity": 1, "size": "Standard-2X"}]
    changed = api.patch(f"/apps/{deployed}/formation", {"updates": updates})
    assert {(row["type"], row["quantity"], row["size"]) for row in changed} == {
        ("web", 2, "standard-1x"),
        ("worker", 1, "standard-2x"),
    }
    assert [dyno["name"] for dyno in api.get(f"/apps/{deployed}/dynos")] == ["web.1", "web.2", "worker.1"]


def test_an_unknown_type_changes_nothing(api, deployed):
    updates = [{"type": "web", "quantity": 5}, {"type": "nothing", "quantity": 1}]
    problem = api.patch(f"/apps/{deployed}/formation", {"updates": updates}, 404)
    assert problem["message"] == "Couldn't find that process type (nothing)."
    assert quantities(api, deployed) == {"web": 1, "worker": 0}
    assert api.get(f"/apps/{deployed}/formation/nothing", 404)["resource"] == "formation"


@pytest.mark.parametrize("body", [{}, {"updates": {}}, {"updates": [{}]}, {"updates": ["web"]}])
def test_updates_have_a_type(api, deployed, body):
    assert "updates" in api.patch(f"/apps/{deployed}/formation", body, 422)["message"]


@pytest.mark.parametrize("quantity", ["many", True, [], "1.5", -3, "9" * 12])
def test_a_bad_quantity_is_refused(api, deployed, quantity):
    assert api.patch(f"/apps/{deployed}/formation/web", {"quantity": quantity}, 422)["id"] == "invalid_params"


def test_a_bad_size_is_refused(api, deployed):
    assert api.patch(f"/apps/{deployed}/formation/web", {"size": "gigantic"}, 422)
