import pytest
from sqlalchemy import event

from twelve.core.model import ConfigVars
from twelve.stages.release.store import Draft

pytestmark = pytest.mark.integration


def test_a_life(api, platform):
    made = api.post("/apps", {"name": "a-life"})
    assert made["web_url"] == f"http://a-life.localhost:{platform.settings.router_port}/"
    assert made["generation"]["name"] == "cedar"
    assert made["create_status"] == "complete"
    assert api.get("/apps/a-life") == api.get(f"/apps/{made['id']}") == made
    assert made in api.get("/apps")
    assert made in api.get("/users/~/apps")
    assert api.delete("/apps/a-life")["name"] == "a-life"
    assert api.get("/apps/a-life", 404)["resource"] == "app"


def test_a_name_is_made_up_when_none_is_given(api):
    assert api.post("/apps")["name"].count("-") == 2
    assert api.call("POST", "/apps", 201).json()["name"].count("-") == 2


def test_a_taken_name_is_told_in_the_words_clients_know(api, app):
    problem = api.post("/apps", {"name": app}, 422)
    assert problem["message"] == "Name is already taken"
    assert problem["exit_code"] == 4


@pytest.mark.parametrize("name", ["-a", "A", "a_b", "a", "x" * 31, "a-"])
def test_a_bad_name_is_refused(api, name):
    assert name in api.post("/apps", {"name": name}, 422)["message"]


@pytest.mark.parametrize("name", [7, [], {}])
def test_a_name_is_text(api, name):
    assert '"name" must be a string' in api.post("/apps", {"name": name}, 422)["message"]


@pytest.mark.parametrize("stack", ["cedar", "heroku-24", "twelve-1", {"name": "heroku-22"}])
def test_the_usual_stacks_are_accepted(api, stack):
    name = api.lenient("POST", "/apps", {"stack": stack}, 201)["name"]
    assert api.lenient("PATCH", f"/apps/{name}", {"build_stack": stack})["name"] == name


@pytest.mark.parametrize("stack", ["container", "cnb", "windows"])
def test_other_stacks_are_refused(api, stack):
    assert stack in api.post("/apps", {"stack": stack}, 422)["message"]


@pytest.mark.parametrize("on", [True, 1, "1"])
def test_maintenance(api, app, platform, on):
    assert api.lenient("PATCH", f"/apps/{app}", {"maintenance": on})["maintenance"] is True
    assert platform.router.modes[app] == "maintenance"
    assert api.patch(f"/apps/{app}", {"maintenance": False})["maintenance"] is False


def test_an_app_keeps_its_name(api, app):
    assert api.patch(f"/apps/{app}", {"name": app})["name"] == app
    assert api.patch(f"/apps/{app}", {"name": "another"}, 422)["id"] == "invalid_params"


def test_stop_and_start(api, deployed):
    formation = api.get(f"/apps/{deployed}/formation")
    api.post(f"/apps/{deployed}/actions/stop", status=202)
    assert api.get(f"/apps/{deployed}")["stopped"] is True
    assert api.get(f"/apps/{deployed}/dynos") == []
    assert api.get(f"/apps/{deployed}/formation") == formation
    api.post(f"/apps/{deployed}/actions/start", status=202)
    assert [dyno["name"] for dyno in api.get(f"/apps/{deployed}/dynos")] == ["web.1"]


def test_what_was_released_shows(api, deployed):
    app = api.get(f"/apps/{deployed}")
    assert app["released_at"] is not None
    assert app["slug_size"] > 0


def test_domains(api, app, platform):
    [built_in] = api.get(f"/apps/{app}/domains")
    assert (built_in["hostname"], built_in["kind"], built_in["cname"]) == (f"{app}.localhost", "heroku", None)
    made = api.post(f"/apps/{app}/domains", {"hostname": f"www.{app}.example", "sni_endpoint": None})
    assert (made["kind"], made["cname"], made["status"]) == ("custom", f"{app}.localhost", "none")
    assert platform.router.hosts[app] == [f"{app}.localhost", f"www.{app}.example"]
    for ref in (made["id"], made["hostname"]):
        assert api.get(f"/apps/{app}/domains/{ref}") == made
    assert api.post(f"/apps/{app}/domains", {"hostname": made["hostname"], "sni_endpoint": None}, 409)
    assert api.delete(f"/apps/{app}/domains/{made['hostname']}") == made
    assert api.get(f"/apps/{app}/domains", range="id ..; max=1000;") == [built_in]


@pytest.mark.parametrize("hostname", ["", "no spaces.example", "a", None, 7])
def test_a_bad_hostname_is_refused(api, app, hostname):
    assert api.post(f"/apps/{app}/domains", {"hostname": hostname, "sni_endpoint": None}, 422)


def test_the_first_domain_stays(api, app):
    assert api.delete(f"/apps/{app}/domains/{app}.localhost", 422)
    assert api.delete(f"/apps/{app}/domains/other.example", 404)["resource"] == "domain"


def test_apps_come_in_pages(api):
    for _ in range(3):
        api.post("/apps")
    seen, wanted = [], "id ..; max=2"
    while wanted:
        answer = api.client.get("/apps", headers={"Range": wanted})
        seen += [app["id"] for app in answer.json()]
        wanted = answer.headers.get("next-range")
        assert answer.status_code == (206 if wanted else 200)
    assert seen == sorted(app["id"] for app in api.get("/apps"))


def test_the_list_asks_the_database_as_often_for_twenty_apps_as_for_two(api, platform):
    def questions():
        asked = []
        event.listen(
            platform.database._engine, "before_cursor_execute", listener := lambda *more: asked.append(more[2])
        )
        try:
            assert api.get("/apps")
        finally:
            event.remove(platform.database._engine, "before_cursor_execute", listener)
        return len(asked)

    def released(name):
        made = platform.apps.create(name, platform.user)
        draft = Draft(made, None, ConfigVars(), ConfigVars(), ConfigVars(), {}, "First", platform.user)
        platform.apps.change(made.id, current_release=platform.releases.create(draft).id)

    names = [f"of-many-{number}" for number in range(20)]
    for name in names[:2]:
        released(name)
    few = questions()
    for name in names[2:]:
        released(name)
    assert questions() == few
