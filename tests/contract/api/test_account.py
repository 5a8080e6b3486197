import pytest

pytestmark = pytest.mark.integration


def test_account(api):
    account = api.get("/account")
    assert account["email"] == "somebody@twelve.localhost"
    for user in ("~", account["email"], account["id"]):
        assert api.get(f"/users/{user}") == account
    assert api.get("/users/nobody", 404)["resource"] == "user"


def test_rate_limits(api):
    assert api.get("/account/rate-limits")["remaining"] > 0


def test_features_are_none(api):
    assert api.get("/account/features") == []


@pytest.mark.parametrize("kind", ["stacks", "regions", "dyno-sizes"])
def test_what_apps_run_on(api, kind):
    found = api.get(f"/{kind}")
    assert found
    for one in found:
        assert api.get(f"/{kind}/{one['name']}") == api.get(f"/{kind}/{one['id']}") == one
    assert api.get(f"/{kind}/none", 404)["id"] == "not_found"


def test_one_stack_is_the_default(api, app):
    assert [stack["default"] for stack in api.get("/stacks")] == [True]
    assert api.get(f"/apps/{app}/available-stacks") == api.get("/stacks")
    assert api.get(f"/apps/{app}/available-dyno-sizes") == api.get("/dyno-sizes")


def test_sizes_are_lower_case(api):
    assert all(size["name"].islower() for size in api.get("/dyno-sizes"))
    assert api.get("/dyno-sizes/Standard-1X")["memory"] == 0.5
