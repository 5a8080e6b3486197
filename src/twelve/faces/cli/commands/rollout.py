"""`twelve rollout [status | start | ramp | promote | abort | list]`"""

import json
from pathlib import Path
from typing import Any

import click

from twelve.core.errors import UsageError
from twelve.faces.cli import readout
from twelve.faces.cli.client import Client
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.plan_options import plan_options
from twelve.faces.cli.plan_options import settings as plan_options_given
from twelve.faces.cli.which_app import app_option, app_path


@click.group("rollout", cls=Family)
def command() -> None:
    """Share an app's requests between releases, by weight and by unit: a unit stays with its variant.

    The first release is the one that is current; others are best made with `twelve up --candidate` or `twelve config
    set --candidate`, which take no requests by themselves.

    \b
    Examples:
      twelve rollout start v12=90 v13=10 --unit header:X-User-Id
      twelve rollout ramp v13=30
      twelve rollout status
      twelve rollout promote
      twelve rollout abort --reason "too slow"
    """


@command.command("list")
@app_option
@json_option
def list_(app: str | None, as_json: bool) -> None:
    """The rollouts of an app, oldest first."""
    client = Client.here()
    found = client.list(f"{app_path(client, app)}/rollouts")
    if as_json:
        show_json(found)
        return
    rows = [
        (one["experiment"], one["status"], one["phase"], shares(one), one["created_at"], one["reason"]) for one in found
    ]
    empty = "No rollouts. `twelve rollout start` begins one."
    show_table(("ROLLOUT", "STATUS", "PHASE", "SHARES", "STARTED", "WHY"), rows, empty=empty)


@command.command()
@click.argument("weights", nargs=-1, metavar="vN=PERCENT...")
@click.option("--unit", metavar="SOURCE", help="Whose a request is: header:NAME, cookie:NAME, query:NAME, json:$.path.")
@click.option("--anonymous", is_flag=True, help="Give those who say nothing a cookie; else they stay with the control.")
@click.option("--name", metavar="NAME", help="What to call it; else as the app.")
@click.option("--processes", multiple=True, metavar="vN=COUNT", help="How many processes; else by weight.")
@click.option("--shadow", metavar="vN", help="A release that gets copies of GETs and small POSTs, and answers nobody.")
@click.option(
    "--settings", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="A JSON file: metric, guardrails, auto_stop and what else the read-out goes by.",
)  # fmt: skip
@click.option("--set", "more", multiple=True, metavar="KEY=VALUE", help="One of these settings, such as planned=5000.")
@plan_options
@app_option
@json_option
def start(
    weights: tuple[str, ...], unit: str | None, anonymous: bool, name: str | None, processes: tuple[str, ...],
    shadow: str | None, settings: Path | None, more: tuple[str, ...], app: str | None, as_json: bool, **plan: Any,
) -> None:  # fmt: skip
    """Begin: returns when the treatments serve their share."""
    client = Client.here()
    body: dict[str, Any] = {"shares": pairs(weights), "anonymous": anonymous, "processes": pairs(processes)}
    body |= {"unit": unit} if unit else {}
    body |= {"name": name} if name else {}
    body |= {"shadow": shadow} if shadow else {}
    given = plan_options_given(plan) | {key: value_of(text) for key, text in pairs(more).items()}
    body["settings"] = read_settings(settings) | given
    made = client.post(f"{app_path(client, app)}/rollouts", body)
    told(made, "Started", as_json=as_json)


@command.command()
@click.argument("weights", nargs=-1, required=True, metavar="vN=PERCENT...")
@app_option
@json_option
def ramp(weights: tuple[str, ...], app: str | None, as_json: bool) -> None:
    """Give treatments more: units move from the control to them, and never back."""
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/rollouts/current/actions/ramp", {"shares": pairs(weights)})
    told(made, "Ramped", as_json=as_json)


@command.command()
@click.argument("rollout", default="current", metavar="[ROLLOUT]")
@app_option
@json_option
def status(rollout: str, app: str | None, as_json: bool) -> None:
    """What the units say so far, of the rollout that runs or of an earlier one, such as shop.1."""
    client = Client.here()
    found = client.get(f"{app_path(client, app)}/rollouts/{rollout}")
    if as_json:
        show_json(found)
        return
    why = f": {found['reason']}" if found["reason"] else ""
    click.echo(f"{found['experiment']} by {found['unit']} is {found['status']}{why}")
    if found["shadow"]:
        click.echo(f"v{found['shadow']['version']} gets copies")
    for line in readout.lines(found["readout"]):
        click.echo(line)


@command.command()
@click.argument("release", required=False, metavar="[vN]")
@app_option
@json_option
def promote(release: str | None, app: str | None, as_json: bool) -> None:
    """Release a treatment for everybody: its code, its config, its model. Then the rollout is over."""
    client = Client.here()
    body = {"release": release} if release else {}
    made = client.post(f"{app_path(client, app)}/rollouts/current/actions/promote", body)
    if as_json:
        show_json(made)
    else:
        click.echo(f"{made['description']}: v{made['version']} serves everybody.")


@command.command()
@click.option("--reason", metavar="TEXT", help="Why, for the ledger.")
@app_option
@json_option
def abort(reason: str | None, app: str | None, as_json: bool) -> None:
    """Give everything back to the current release, and end the treatments' processes."""
    client = Client.here()
    body = {"reason": reason} if reason else {}
    made = client.post(f"{app_path(client, app)}/rollouts/current/actions/abort", body)
    if as_json:
        show_json(made)
    else:
        click.echo(f"Aborted {made['experiment']}: v{made['variants'][0]['release']['version']} serves everybody.")


def told(made: Any, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(made)
    else:
        click.echo(f"{what} {made['experiment']}, phase {made['phase']}: {shares(made)}.")


def shares(rollout: Any) -> str:
    parts = [f"v{one['release']['version']} {one['share']:g} %" for one in rollout["variants"]]
    copies = [f"copies to v{rollout['shadow']['version']}"] if rollout["shadow"] else []
    return ", ".join([*parts, *copies])


def pairs(words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise UsageError(f'"{word}" has no "=".', hint="Such as v13=10.")
    return {key: value for key, _, value in (word.partition("=") for word in words)}


def read_settings(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        raise UsageError(f"{file} is not valid JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{file} must hold a JSON object.")
    return found


def value_of(text: str) -> object:
    """A number, true or false as such, anything else as text."""
    try:
        return json.loads(text)
    except ValueError:
        return text
