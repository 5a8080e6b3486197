"""`twelve status`"""

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.output import json_option, show_json, show_table


@click.command("status")
@json_option
def command(as_json: bool) -> None:
    """Every process of the platform and of the apps, with its role and pid.

    \b
    Examples:
      twelve status
      twelve status --json
    """
    found = Client.here().get("/_twelve/status")
    if as_json:
        show_json(found)
        return
    rows = [
        (process["name"], process["role"], process["pid"], process.get("detail") or "")
        for process in found["processes"]
    ]
    show_table(("NAME", "ROLE", "PID", "DETAIL"), rows, empty="Nothing runs.")
