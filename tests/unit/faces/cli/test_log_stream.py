import json

import click
import pytest

from twelve.faces.cli.log_stream import as_json, events, resume, short, shown

LINE = "2026-01-02T03:04:05.678901+00:00 app[web.1]: GET /]: 200"


def test_events_carry_their_cursor():
    lines = ["id: 7", "data: one", "", ": ping", "", "id: 8", "data: two: with a colon", "", "id: 9"]
    assert list(events(iter(lines))) == [("7", "one"), ("8", "two: with a colon")]


def test_a_reconnect_goes_on_after_the_last_line():
    assert resume("") == {"Accept": "text/event-stream"}
    assert resume("8") == {"Accept": "text/event-stream", "Last-Event-ID": "8"}


def test_shown_keeps_every_character():
    assert click.unstyle(shown(LINE)) == LINE
    assert shown("no log line") == "no log line"


def test_short_is_for_terminals():
    text = click.unstyle(short(LINE))
    assert text[8:] == " web.1        | GET /]: 200"


@pytest.mark.parametrize("line", [LINE, "odd text"])
def test_json_has_every_part(line):
    fields = json.loads(as_json(line))
    assert fields["text"] == ("GET /]: 200" if line is LINE else line)
    if line is LINE:
        assert (fields["source"], fields["process"]) == ("app", "web.1")
