"""`twelve top`"""

import os
import sys
import time
from typing import Any

import click

from twelve.core.errors import TwelveError
from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.output import json_option, show_json
from twelve.faces.cli.top_view import lines, summary
from twelve.faces.cli.which_app import complete_apps

BETWEEN = 1.0  # seconds between the two looks that rates need
WIDTH = 120  # where nobody watches
HINT = "q ends"


@click.command("top")
@click.option("--app", "-a", envvar="TWELVE_APP", metavar="APP", help="Only this app.", shell_complete=complete_apps)
@click.option(
    "--interval",
    "-i",
    type=click.FloatRange(0.5, 60),
    default=2.0,
    show_default=True,
    help="Seconds between looks.",
)
@click.option("--once", is_flag=True, help="Print once and end, as it does when nobody watches.")
@json_option
def command(app: str | None, interval: float, once: bool, as_json: bool) -> None:
    """Watch what apps and the platform use: processor, memory, requests, latency, errors, restarts.

    CPU is in percent of one core. Latency is that of the last minute. q or Ctrl-C ends it.

    \b
    Examples:
      twelve top
      twelve top -a notes
      twelve top --once
    """
    client = Client.here()
    if as_json:
        show_json(look(client, app))
    elif once or not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM") == "dumb":
        before = look(client, app)
        time.sleep(BETWEEN)
        now = look(client, app)
        click.echo("\n".join([summary(now, before), "", *lines(now, before, WIDTH)]))
    else:
        watch(client, app, interval)


def look(client: Client, app: str | None) -> Any:
    """The metrics of everything; with an app, in the same shape and without the platform's own."""
    if app is None:
        return client.get("/_twelve/metrics")
    found = client.get(f"/apps/{segment(app)}/metrics")
    return {"time": found.pop("time"), "apps": [found], "platform": []}


def watch(client: Client, app: str | None, interval: float) -> None:
    from twelve.faces.cli.screen import taken

    before = now = look(client, app)
    ended: TwelveError | None = None
    with taken() as screen:
        try:
            pause = BETWEEN
            while True:
                width = screen.size().columns
                head = f"{summary(now, before)}  {HINT}"
                screen.draw([head[:width], "", *lines(now, before, width)])
                match screen.wait(pause):
                    case "end":
                        break
                    case "resized":
                        continue
                before, now, pause = now, look(client, app), interval
        except KeyboardInterrupt:
            pass
        except TwelveError as error:
            ended = error
    if ended is not None:
        raise ended
