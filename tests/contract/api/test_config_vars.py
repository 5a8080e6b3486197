import pytest

pytestmark = pytest.mark.integration


def latest(api, app):
    [release] = api.client.get(f"/apps/{app}/releases", headers={"Range": "version ..; order=desc,max=1"}).json()
    return release


def test_set_change_and_remove(api, app):
    path = f"/apps/{app}/config-vars"
    assert api.get(path) == {}
    assert api.patch(path, {"A": "1", "B": "two = 2"}) == {"A": "1", "B": "two = 2"}
    assert api.patch(path, {"A": None, "C": ""}) == {"B": "two = 2", "C": ""}
    assert api.get(path) == {"B": "two = 2", "C": ""}


def test_the_release_is_there_before_the_answer(api, deployed):
    api.patch(f"/apps/{deployed}/config-vars", {"A": "1"})
    release = latest(api, deployed)
    assert (release["version"], release["status"], release["current"]) == (2, "succeeded", True)
    assert release["description"] == "Set A config vars"
    assert api.get(f"/apps/{deployed}/releases/v2/config-vars") == {"A": "1"}
    assert api.get(f"/apps/{deployed}/releases/v1/config-vars") == {}


def test_no_change_is_no_release(api, deployed):
    api.patch(f"/apps/{deployed}/config-vars", {"A": "1"})
    api.patch(f"/apps/{deployed}/config-vars", {"A": "1"})
    assert latest(api, deployed)["version"] == 2


def test_scalars_become_text(api, app):
    assert api.lenient("PATCH", f"/apps/{app}/config-vars", {"N": 3, "T": True}) == {"N": "3", "T": "true"}


@pytest.mark.parametrize("body", [{"A": {}}, {"A": ["x"]}, {"not a key": "x"}, {"A": "nul\0"}, {"1A": "x"}])
def test_what_no_process_can_get_is_refused(api, app, body):
    assert api.patch(f"/apps/{app}/config-vars", body, 422)
    assert api.get(f"/apps/{app}/config-vars") == {}


def test_values_show_up_nowhere_else(api, deployed):
    api.patch(f"/apps/{deployed}/config-vars", {"TOKEN": "hunter2-hunter2"})
    release = latest(api, deployed)
    assert "hunter2" not in str(release)
    session = api.post(f"/apps/{deployed}/log-sessions", {"lines": 1500})
    assert "hunter2" not in api.client.get(session["logplex_url"]).text


def test_of_an_unknown_app(api):
    assert api.get("/apps/nobodys/config-vars", 404)["resource"] == "app"
