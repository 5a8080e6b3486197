from urllib.parse import quote

import pytest

from tests.support.live import wait_for
from tests.support.receivers import http_receiver

URL = "https://user:hush@127.0.0.1:1/in?key=hush"
SHOWN = "https://***@127.0.0.1:1/in?***"


def drains(api, app):
    return api.get(f"/apps/{app}/log-drains")


def test_a_drain_is_made_listed_and_removed(api, app):
    assert drains(api, app) == []
    made = api.post(f"/apps/{app}/log-drains", {"url": "syslog+tls://127.0.0.1:1"})
    assert made["token"].startswith("d.")
    assert made["url"] == "syslog+tls://127.0.0.1:1"
    assert drains(api, app) == [made]
    assert api.get(f"/apps/{app}/log-drains/{made['id']}") == made
    assert api.delete(f"/apps/{app}/log-drains/{made['id']}") == made
    assert drains(api, app) == []


@pytest.mark.parametrize(
    "ref",
    [
        lambda drain: drain["id"],
        lambda drain: drain["token"],
        lambda _: quote(URL, safe=""),
        lambda _: quote(SHOWN, safe=""),
        lambda _: "https://***@127.0.0.1:1/in%3F***",  # unencoded slashes, as some clients send them
    ],
)
def test_it_is_removed_by_id_token_or_url(api, app, ref):
    made = api.post(f"/apps/{app}/log-drains", {"url": URL})
    api.delete(f"/apps/{app}/log-drains/{ref(made)}")
    assert drains(api, app) == []


def test_credentials_are_in_no_answer_and_no_log(api, app):
    made = api.post(f"/apps/{app}/log-drains", {"url": URL})
    again = api.call("POST", f"/apps/{app}/log-drains", 409, json={"url": URL})
    gone = api.delete(f"/apps/{app}/log-drains/{made['id']}")
    unknown = api.call("DELETE", f"/apps/{app}/log-drains/{quote(URL, safe='')}", 404)
    history = [line.text for line in api.platform.logs.history(app, 1000)]
    assert made["url"] == gone["url"] == SHOWN
    assert "hush" not in f"{made} {again.text} {gone} {unknown.text} {history}"
    assert any(text.startswith("Add drain to https://127.0.0.1:1/ by user ") for text in history)
    assert any(text.startswith("Remove drain to https://127.0.0.1:1/ by user ") for text in history)


def test_credentials_are_sealed_in_the_database(api, app):
    from sqlalchemy import select

    from twelve.infra.schema import drains as table

    api.post(f"/apps/{app}/log-drains", {"url": URL})
    with api.platform.database.begin() as db:
        assert all(b"hush" not in row.sealed_url for row in db.execute(select(table)))


def test_two_that_are_listed_alike_are_told_apart_by_id(api, app):
    for key in ("one", "two"):
        api.post(f"/apps/{app}/log-drains", {"url": f"https://{key}@127.0.0.1:1/in"})
    alike = quote("https://***@127.0.0.1:1/in", safe="")
    assert api.call("DELETE", f"/apps/{app}/log-drains/{alike}", 422).json()["id"] == "invalid_params"
    assert len(drains(api, app)) == 2


@pytest.mark.parametrize(
    "url",
    ["", "logs.example.com", "ftp://a.example", "https://a b/", "syslog://a.example:99999", "http://169.254.169.254/"],
)
def test_what_is_no_drain_is_refused(api, app, url):
    api.post(f"/apps/{app}/log-drains", {"url": url}, status=422)
    assert drains(api, app) == []


def test_a_drain_into_the_app_itself_is_refused(api, app):
    api.post(f"/apps/{app}/log-drains", {"url": f"http://{app}.localhost:8012/"}, status=422)


def test_lines_arrive_until_the_drain_is_removed(api, app):
    with http_receiver() as receiver:
        made = api.post(f"/apps/{app}/log-drains", {"url": f"http://127.0.0.1:{receiver.port}/"})
        api.platform.logs.write(app, "web.1", "State changed from starting to up")
        wait_for(lambda: b"State changed from starting to up" in receiver.texts(), "the line")
        api.delete(f"/apps/{app}/log-drains/{made['id']}")
        api.platform.logs.write(app, "web.1", "State changed from up to down")
        other = api.post(f"/apps/{app}/log-drains", {"url": f"http://127.0.0.1:{receiver.port}/again"})
        api.platform.logs.write(app, "web.1", "the last line")
        wait_for(lambda: b"the last line" in receiver.texts(), "the line of the second drain")
        assert b"State changed from up to down" not in receiver.texts()
        assert {one.headers["logplex-drain-token"] for one in receiver.delivered} == {made["token"], other["token"]}
        assert any(frame.startswith(b"<134>1 ") and b" host app api - Add drain" in frame for frame in receiver.lines())


def test_a_destroyed_app_takes_its_drains_along(api, app):
    with http_receiver() as receiver:
        api.post(f"/apps/{app}/log-drains", {"url": f"http://127.0.0.1:{receiver.port}/"})
        wait_for(receiver.texts, "a line")
        api.delete(f"/apps/{app}")
        assert api.platform.drain_keeper._senders.keys() == {drain.id for drain in api.platform.drains.list()}
        before = len(receiver.texts())
        api.post("/apps", {"name": app})
        api.platform.logs.write(app, "web.1", "a line of its successor")
        assert drains(api, app) == []
        assert len(receiver.texts()) == before
