"""`twelve schedule [list | add | history | run | pause | resume | remove]`"""

from typing import Any

import click

from twelve.core.errors import Conflict
from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path

name_argument = click.argument("name")


@click.group("schedule", cls=Family)
def command() -> None:
    """Run commands by the clock, each in a process of its own of the release that is current by then.

    app.json's "cron" does the same; its schedules come and go with the releases.

    \b
    Examples:
      twelve schedule add "*/10 * * * *" "python purge.py" --name purge
      twelve schedule add "0 3 * * MON-FRI" report --tz Europe/Berlin --policy replace
      twelve schedule add "0 3 * * *" --retrain --name nightly
      twelve schedule history purge
      twelve schedule run purge
      twelve schedule pause purge
    """


@command.command("list")
@app_option
@json_option
def list_(app: str | None, as_json: bool) -> None:
    """The schedules of an app, and when each is due next."""
    client = Client.here()
    found = client.list(f"{app_path(client, app)}/schedules")
    if as_json:
        show_json(found)
        return
    rows = [
        (one["name"], one["schedule"], one["timezone"], one["next_due"] or "paused", one["source"], one["command"])
        for one in found
    ]
    empty = 'No schedules. `twelve schedule add "@daily" COMMAND` makes one.'
    show_table(("NAME", "SCHEDULE", "ZONE", "NEXT", "FROM", "COMMAND"), rows, empty=empty)


@command.command()
@click.argument("schedule", metavar='"MINUTE HOUR DAY MONTH WEEKDAY"')
@click.argument("what", metavar="CMD", required=False)
@click.option("--retrain", is_flag=True, help="Instead of a command: train, judge, promote, as `twelve retrain` does.")
@click.option("--name", metavar="NAME", help="What to call it; else a short hash.")
@click.option("--tz", default="UTC", show_default=True, metavar="ZONE", help="The time zone, such as Europe/Berlin.")
@click.option(
    "--policy", type=click.Choice(["forbid", "allow", "replace"]), default="forbid", show_default=True,
    help="While an earlier run still goes on: skip this one, run both, or end the earlier one.",
)  # fmt: skip
@click.option("--deadline", type=int, default=300, show_default=True, help="How many seconds late a run may start.")
@click.option("--ttl", type=int, default=86400, show_default=True, help="How many seconds a run may take.")
@app_option
@json_option
def add(
    schedule: str, what: str | None, retrain: bool, name: str | None, tz: str, policy: str, deadline: int, ttl: int,
    app: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Run a shell line or a process type whenever the schedule is due: five fields, or @hourly, @daily ..."""
    if not what and not retrain:
        raise click.UsageError("Missing argument 'CMD'.")
    client = Client.here()
    body: dict[str, Any] = {
        "schedule": schedule,
        "command": what or "train",
        "retrain": retrain,
        "timezone": tz,
        "concurrency_policy": policy,
    }
    body |= {"start_deadline": str(deadline), "ttl": str(ttl)} | ({"name": name} if name else {})
    made = client.post(f"{app_path(client, app)}/schedules", body)
    if as_json:
        show_json(made)
    else:
        click.echo(f"Added {made['name']}, due next at {made['next_due']}.")


@command.command()
@name_argument
@app_option
@json_option
def history(name: str, app: str | None, as_json: bool) -> None:
    """The last 20 runs of a schedule, newest first."""
    client = Client.here()
    runs = client.get(f"{app_path(client, app)}/schedules/{segment(name)}/runs")
    if as_json:
        show_json(runs)
        return
    rows = [
        (
            run["due"], run["state"], run["exit_status"], run["dyno"],
            run["release"] and f"v{run['release']['version']}", ago(run["started_at"]), run["reason"],
        )
        for run in runs
    ]  # fmt: skip
    show_table(("DUE", "STATE", "EXIT", "PROCESS", "RELEASE", "STARTED", "WHY"), rows, empty="It has not run yet.")


@command.command()
@name_argument
@app_option
@json_option
def run(name: str, app: str | None, as_json: bool) -> None:
    """Run a schedule now, whatever the clock says."""
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/schedules/{segment(name)}/runs")
    if as_json:
        show_json(made)
    elif made["state"] == "skipped":
        raise Conflict(f"{name} was skipped: {made['reason']}.")
    else:
        click.echo(f"Started {made['dyno']}. `twelve schedule history {name}` shows how it ends.")


@command.command()
@name_argument
@app_option
def pause(name: str, app: str | None) -> None:
    """Start no more runs of a schedule."""
    client = Client.here()
    client.post(f"{app_path(client, app)}/schedules/{segment(name)}/actions/pause")
    click.echo(f"Paused {name}.")


@command.command()
@name_argument
@app_option
def resume(name: str, app: str | None) -> None:
    """Start runs again; those that were due meanwhile are not made up for."""
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/schedules/{segment(name)}/actions/resume")
    click.echo(f"Resumed {name}, due next at {made['next_due']}.")


@command.command()
@name_argument
@app_option
def remove(name: str, app: str | None) -> None:
    """Forget a schedule and its history; what runs goes on to its end."""
    client = Client.here()
    client.delete(f"{app_path(client, app)}/schedules/{segment(name)}")
    click.echo(f"Removed {name}.")
