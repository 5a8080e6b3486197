import psycopg
import pytest

pytestmark = pytest.mark.integration


def test_the_catalogue(api):
    services = {service["name"]: service for service in api.get("/addon-services")}
    assert {"heroku-postgresql", "heroku-redis", "s3", "smtp", "nats"} <= services.keys()
    for ref in ("heroku-postgresql", "postgres", services["heroku-postgresql"]["id"]):
        assert api.get(f"/addon-services/{ref}") == services["heroku-postgresql"]
    [plan] = api.get("/addon-services/heroku-postgresql/plans")
    assert (plan["name"], plan["price"]["cents"]) == ("heroku-postgresql:standard-0", 0)
    assert api.get(f"/plans/{plan['id']}") == api.get("/addon-services/heroku-postgresql/plans/standard-0") == plan
    assert api.get("/plans/heroku-postgresql:mini")["name"] == "heroku-postgresql:mini"
    assert api.get("/plans/nothing:mini", 404)["resource"] == "plan"
    assert api.get("/addon-services/nothing", 404)["resource"] == "addon_service"


@pytest.fixture
def addon(api, app):
    return api.post(f"/apps/{app}/addons", {"plan": "heroku-postgresql:mini"})


def test_an_addon_is_real_and_in_the_config(api, app, addon):
    assert (addon["state"], addon["plan"]["name"]) == ("provisioned", "heroku-postgresql:mini")
    assert addon["config_vars"] == ["DATABASE_URL"]
    url = api.get(f"/apps/{app}/config-vars")["DATABASE_URL"]
    assert url.startswith("postgres://")
    with psycopg.connect(url) as database:
        assert database.execute("select 12").fetchone() == (12,)
    assert api.get(f"/apps/{app}/releases/current")["addon_plan_names"] == ["heroku-postgresql:mini"]


def test_the_ways_to_name_it(api, app, addon):
    for path in (f"/addons/{addon['id']}", f"/addons/{addon['name']}", f"/apps/{app}/addons/{addon['name']}"):
        assert api.get(path) == addon
    assert api.get(f"/apps/{app}/addons/DATABASE") == addon
    assert addon in api.get("/addons")
    assert api.get(f"/apps/{app}/addons") == [addon]
    assert api.get("/addons/nothing", 404)["resource"] == "add_on"


@pytest.mark.parametrize(
    "ref", ["{name}", "{id}", "DATABASE", "{app}::DATABASE", "heroku-postgresql", "heroku-postgresql:mini"]
)
def test_resolve(api, app, addon, ref):
    body = {"addon": ref.format(app=app, **{key: addon[key] for key in ("name", "id")})}
    found = api.lenient("POST", "/actions/addons/resolve", {**body, "app": app, "addon_service": "heroku-postgresql"})
    assert found == [addon]


def test_resolve_nothing(api, app):
    assert api.post("/actions/addons/resolve", {"addon": "DATABASE", "app": app}, 404)["resource"] == "add_on"
    body = {"addon_attachment": "DATABASE_URL", "app": app}
    assert api.post("/actions/addon-attachments/resolve", body, 404)["resource"] == "add_on attachment"


def test_expansion_only_when_asked(api, app, addon):
    [plain] = api.get(f"/apps/{app}/addons")
    assert plain["plan"].keys() == {"id", "name"}
    [full] = api.get(f"/apps/{app}/addons", **{"Accept-Expansion": "addon_service,plan"})
    assert full["plan"]["price"]["cents"] == 0
    assert full["addon_service"]["human_name"] == "PostgreSQL"
    [attachment] = api.get(f"/apps/{app}/addon-attachments")
    assert "config_vars" not in attachment
    [more] = api.get(f"/apps/{app}/addon-attachments", **{"Accept-Inclusion": "addon:plan,config_vars"})
    assert more["config_vars"] == ["DATABASE_URL"]
    assert more["addon"]["plan"]["name"] == "heroku-postgresql:mini"


def test_names_of_ones_own(api, app):
    body = {"plan": {"name": "postgres"}, "name": f"db-of-{app}", "attachment": {"name": "PRIMARY"}}
    addon = api.lenient("POST", f"/apps/{app}/addons", body, 201)
    assert (addon["name"], addon["config_vars"]) == (f"db-of-{app}", ["PRIMARY_URL"])
    assert api.patch(f"/addons/{addon['name']}", {"plan": "heroku-postgresql:standard-2"})["id"] == addon["id"]
    assert api.patch(f"/addons/{addon['name']}", {"plan": "heroku-redis"}, 422)
    assert api.patch(f"/addons/{addon['name']}", {"name": "another"}, 422)


@pytest.mark.parametrize("plan", ["nothing", "mongolab:sandbox", ""])
def test_an_unknown_plan_is_refused(api, app, plan):
    assert api.post(f"/apps/{app}/addons", {"plan": plan}, 422)["id"] == "invalid_params"


def test_share_with_another_app(api, app, addon):
    other = api.post("/apps")["name"]
    made = api.post("/addon-attachments", {"addon": addon["name"], "app": other, "name": "SHARED"})
    assert (made["name"], made["namespace"], made["addon"]["app"]["name"]) == ("SHARED", None, app)
    assert api.get(f"/apps/{other}/config-vars").keys() == {"SHARED_URL"}
    assert api.get(f"/apps/{other}/addons") == [addon]
    names = {attachment["name"] for attachment in api.get(f"/addons/{addon['id']}/addon-attachments")}
    assert names == {"DATABASE", "SHARED"}
    assert made in api.get("/addon-attachments")
    for path in (f"/addon-attachments/{made['id']}", f"/apps/{other}/addon-attachments/SHARED"):
        assert api.get(path) == made
    for name in ("shared", "SHARED_URL", made["id"], addon["name"]):
        body = {"addon_attachment": name, "app": other}
        assert api.lenient("POST", "/actions/addon-attachments/resolve", body) == [made]
    assert api.delete(f"/addon-attachments/{made['id']}") == made
    assert api.get(f"/apps/{other}/config-vars") == {}
    assert api.get(f"/addon-attachments/{made['id']}", 404)["resource"] == "add_on attachment"


def test_destroy_takes_it_away_everywhere(api, app, addon):
    gone = api.call("DELETE", f"/apps/{app}/addons/{addon['name']}", 200, json={"force": False}).json()
    assert gone["state"] == "deprovisioned"
    assert api.get(f"/apps/{app}/config-vars") == {}
    assert api.get(f"/addons/{addon['name']}", 404)


def test_a_service_given_by_its_url(api, app):
    url = "postgres://somebody:secret-word@db.example.com/notes"
    config = {"key": "DATABASE_URL", "url": url}
    addon = api.post(f"/apps/{app}/addons", {"plan": "url", "config": config})
    assert addon["config_vars"] == ["DATABASE_URL"]
    assert api.get(f"/apps/{app}/config-vars") == {"DATABASE_URL": url}
    assert "secret-word" not in str(api.get("/addons"))
    assert api.post(f"/apps/{app}/addons", {"plan": "url"}, 422)["message"] == '"key" is missing.'


def test_only_a_mail_catcher_has_mails(api, addon):
    assert "catches no mails" in api.get(f"/addons/{addon['name']}/mails", 422)["message"]


def test_one_release_exchanges_a_service(api, app, addon):
    before = api.get(f"/apps/{app}/releases/current")["version"]
    url = "postgres://somebody:secret-word@db.example.com/notes"
    body = {"plan": "url", "config": {"key": "DATABASE_URL", "url": url}}
    refused = api.post(f"/apps/{app}/addons", body, 409)
    assert "already has an attachment DATABASE" in refused["message"]
    assert "--replace" in refused["hint"]
    api.post(f"/apps/{app}/addons", body | {"confirm": "another-app"}, 409)
    api.post(f"/apps/{app}/addons", body | {"confirm": app})
    assert api.get(f"/apps/{app}/config-vars") == {"DATABASE_URL": url}
    assert api.get(f"/apps/{app}/releases/current")["version"] == before + 1
    assert api.get(f"/addons/{addon['name']}/addon-attachments") == []  # it stays, with its data
    again = {"addon": addon["name"], "app": app, "name": "database"}
    api.post("/addon-attachments", again, 409)
    assert api.post("/addon-attachments", again | {"confirm": app})["name"] == "DATABASE"
    assert api.get(f"/apps/{app}/config-vars")["DATABASE_URL"] != url


def test_an_addon_of_another_app_is_not_found(api, addon):
    other = api.post("/apps")["name"]
    assert api.get(f"/apps/{other}/addons/{addon['name']}", 404)["resource"] == "add_on"
