"""`twelve retrain`"""

import time
from typing import Any

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path

POLL = 0.5
UNDER_WAY = {
    "training": "Training {model} in {dyno}",
    "trained": "Looking for a new version of {model}",
    "judging": "Judging {model}@{candidate}",
    "promoting": "Promoting {model}@{candidate}",
}


@click.command("retrain")
@click.option("--detach", "-d", is_flag=True, help="Return when the training runs.")
@click.option("--accept-drift", is_flag=True, help="Promote although what is asked is not what it was trained on.")
@click.option("--history", is_flag=True, help="List the retrainings of the app, newest first.")
@app_option
@json_option
def command(detach: bool, accept_drift: bool, history: bool, app: str | None, as_json: bool) -> None:
    """Run the process type `train`, judge the version it publishes, and serve it when it is good enough.

    With the data, the code and the parameters of a version there is, nothing happens. What the gate refuses changes
    nothing. `twelve schedule add "0 3 * * *" --retrain` does the same by the clock.

    \b
    Examples:
      twelve retrain
      twelve retrain --detach
      twelve retrain --history
    """
    client = Client.here()
    place = f"{app_path(client, app)}/retrainings"
    if history:
        return _show_history(client.get(place), as_json=as_json)
    made = client.post(place, {"accept_drift": accept_drift})
    if detach:
        if as_json:
            show_json(made)
        else:
            click.echo(f"{made['dyno']} runs; `twelve retrain --history` shows how it ends.")
        return None
    return _end(_followed(client, place, made, quiet=as_json), as_json=as_json)


def _followed(client: Client, place: str, one: Any, *, quiet: bool) -> Any:
    """What it does, each step once, until it has ended."""
    told = ""
    while one["ended_at"] is None:
        step = UNDER_WAY[one["state"]].format(**one)
        if step != told and not quiet:
            click.echo(f"{step} ...", err=True)
        told = step
        time.sleep(POLL)
        one = client.get(f"{place}/{one['id']}")
    return one


def _end(one: Any, *, as_json: bool) -> None:
    from twelve.faces.cli.tell import Told

    if as_json:
        show_json(one)
    else:
        width = max((len(check["check"]) for check in one["checks"]), default=0)
        for check in one["checks"]:
            click.echo(f"  {'ok  ' if check['ok'] else 'FAIL'} {check['check']:{width}}  {_figures(check)}".rstrip())
        served = f" v{one['promoted']['version']} serves it." if one["promoted"] else ""
        click.echo(f"{one['state']}: {one['reason']}{served}{_where_why(one)}", err=bool(one["exit_code"]))
    if one["exit_code"]:
        raise Told(one["reason"], one["exit_code"])


def _where_why(one: Any) -> str:
    """A training that fails has printed why."""
    failed = one["state"] == "failed" and one["exit_status"]
    return f" `twelve logs -a {one['app']['name']} --ps {one['dyno']}` shows why." if failed else ""


def _figures(check: Any) -> str:
    if check["value"] is None or check["limit"] is None:
        return str(check["detail"])
    return f"{check['value']:.4g}, limit {check['limit']:.4g}  {check['detail']}"


def _show_history(found: Any, *, as_json: bool) -> None:
    if as_json:
        return show_json(found)
    rows = [
        (
            one["dyno"], one["state"], one["candidate"], one["champion"],
            one["promoted"] and f"v{one['promoted']['version']}", ago(one["created_at"]), one["reason"],
        )
        for one in found
    ]  # fmt: skip
    heads = ("PROCESS", "STATE", "CANDIDATE", "CHAMPION", "RELEASE", "BEGUN", "WHY")
    return show_table(heads, rows, empty="Not retrained yet. `twelve retrain` does it.")
