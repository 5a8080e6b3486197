"""Whose the front door's lines are, also of those that came while nobody knew."""

from twelve.stages.logs.hub import LogHub
from twelve.stages.router.lines import RouterLines
from twelve.stages.router.routes import Route

LINE = b">p0000 web.1 -- - 0 5 200 1 ::1 made - GET / HTTP/1.1 h -\n"


def texts(hub, app):
    return [line.text for line in hub.history(app, 100)]


def test_what_waited_in_the_pipe_goes_to_its_app_once_that_is_known():
    hub, routes = LogHub(), {}
    lines = RouterLines(hub, lambda: routes)
    lines.hurry()
    lines.hold()
    lines.take(LINE + LINE[:20])
    assert not texts(hub, "")
    routes["demo"] = Route("demo", "p0000")
    lines.hold(on=False)
    assert len(texts(hub, "demo")) == 1
    lines.take(LINE[20:])
    assert len(texts(hub, "demo")) == 2
    assert not texts(hub, "")


def test_it_does_not_hold_without_end(monkeypatch):
    monkeypatch.setattr("twelve.stages.router.lines.MOST_HELD", 100)
    hub = LogHub()
    lines = RouterLines(hub, lambda: {"demo": Route("demo", "p0000")})
    lines.hurry()
    lines.hold()
    for _ in range(10):
        lines.take(LINE)
    assert len(texts(hub, "demo")) >= 8
