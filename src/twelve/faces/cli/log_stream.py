"""Log lines as a person reads them: followed over reconnects, one colour a process."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import click

from twelve.core.errors import ServerUnreachable
from twelve.core.formats import log_line
from twelve.faces.cli.client import Client
from twelve.faces.cli.output import colour_of

RECONNECT = 1.0  # seconds between attempts to reach a server that is being replaced
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Wanted:
    lines: int = 100
    tail: bool = False
    process: str | None = None
    source: str | None = None

    def request(self) -> dict[str, Any]:
        asked = {"lines": self.lines, "tail": self.tail, "dyno": self.process, "source": self.source}
        return {key: value for key, value in asked.items() if value is not None}


def open_log(client: Client, app_path: str, wanted: Wanted) -> str:
    """The URL of a log session; the server begins to collect for it now."""
    url: str = client.post(f"{app_path}/log-sessions", wanted.request())["logplex_url"]
    return url


def read_log(client: Client, url: str, wanted: Wanted) -> Iterator[str]:
    """Lines in Heroku's format. A tail goes on over a restart of the server, without losing or repeating a line."""
    if not wanted.tail:
        yield from client.lines(url, Accept="text/plain")
        return
    last = ""
    reached = time.monotonic()
    while time.monotonic() - reached < PATIENCE:
        with contextlib.suppress(ServerUnreachable):
            for cursor, text in events(client.lines(url, **resume(last))):
                last, reached = cursor, time.monotonic()
                yield text
        time.sleep(RECONNECT)


def resume(last: str) -> dict[str, str]:
    accept = {"Accept": "text/event-stream"}
    return {**accept, "Last-Event-ID": last} if last else accept


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Server-sent events as (id, data)."""
    cursor, data = "", []
    for line in lines:
        field, _, value = line.partition(": ")
        if field == "id":
            cursor = value
        elif field == "data":
            data.append(value)
        elif not line and data:
            yield cursor, "\n".join(data)
            data = []


def shown(text: str) -> str:
    """`2026-... app[web.1]: text` with the part before the text in the process's colour."""
    head, colon, rest = text.partition("]: ")
    if not colon:
        return text
    return click.style(f"{head}]:", fg=colour_of(head.rpartition("[")[2])) + f" {rest}"


def short(text: str) -> str:
    """For a terminal that follows: `12:31:04 web.1    | text`, local time."""
    line = log_line.parse(text)
    if line is None:
        return text
    stamp = line.stamp.astimezone().strftime("%H:%M:%S")
    return f"{click.style(f'{stamp} {line.process:<12} |', fg=colour_of(line.process))} {line.text}"


def as_json(text: str) -> str:
    line = log_line.parse(text)
    if line is None:
        return json.dumps({"text": text}, ensure_ascii=False)
    fields = {
        "timestamp": log_line.stamp(line.stamp),
        "source": line.source,
        "process": line.process,
        "text": line.text,
    }
    return json.dumps(fields, ensure_ascii=False)
