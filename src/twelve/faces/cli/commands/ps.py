"""`twelve ps`"""

from typing import Any

import click

from twelve.faces.cli.autoscaled import autoscaled
from twelve.faces.cli.client import Client
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path


@click.command("ps")
@app_option
@json_option
def command(app: str | None, as_json: bool) -> None:
    """List the processes of an app.

    \b
    Examples:
      twelve ps
      twelve ps -a notes --json
    """
    client = Client.here()
    path = app_path(client, app)
    processes = client.list(f"{path}/dynos")
    if as_json:
        show_json(processes)
        return
    rows = [(p["name"], p["state"], release_of(p), p["size"], ago(p["updated_at"]), p["command"]) for p in processes]
    headers = ("PROCESS", "STATE", "RELEASE", "SIZE", "SINCE", "COMMAND")
    show_table(headers, rows, empty="" if rows else reason(client, path))
    for entry in client.list(f"{path}/formation"):
        if entry["autoscale"]:
            click.echo(f"\n{entry['type']} is autoscaled: {autoscaled(entry['autoscale'])}")


def release_of(process: Any) -> str:
    """With the variant of a rollout it belongs to."""
    variant = f" {process['variant']}" if process["variant"] else ""
    return f"v{process['release']['version']}{variant}"


def reason(client: Client, path: str) -> str:
    """Why nothing runs."""
    app = client.get(path)
    if app["stopped"]:
        return "The app is stopped; `twelve start` starts it."
    if app["released_at"] is None:
        return "Nothing has been released yet; `twelve up` does that."
    return "No processes; `twelve scale web=1` starts some."
