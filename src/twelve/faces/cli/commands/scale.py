"""`twelve scale TYPE=N ...`"""

import re
from typing import Any

import click

from twelve.core.errors import UsageError
from twelve.faces.cli.client import Client
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path

CHANGE = re.compile(r"(?P<type>[A-Za-z0-9_-]+?)(?:=(?P<set>\d+)|(?P<step>[+-]\d+)|=)(?::(?P<size>[A-Za-z0-9-]+))?")


@click.command("scale", context_settings={"ignore_unknown_options": True})
@click.argument("changes", nargs=-1, metavar="[TYPE=N[:SIZE]]...")
@app_option
@json_option
def command(changes: tuple[str, ...], app: str | None, as_json: bool) -> None:
    """Set how many processes of each type run; without arguments, show it.

    Returns when the new processes are up and the others gone.

    \b
    Examples:
      twelve scale
      twelve scale web=3 worker=2
      twelve scale web+1
      twelve scale worker=1:standard-2x
    """
    client = Client.here()
    updates = [update(change) for change in changes]
    path = f"{app_path(client, app)}/formation"
    formation = client.patch(path, {"updates": updates}) if updates else client.list(path)
    if as_json:
        show_json(formation)
        return
    rows = [(entry["type"], entry["quantity"], entry["size"], entry["command"]) for entry in formation]
    show_table(
        ("TYPE", "QUANTITY", "SIZE", "COMMAND"),
        rows,
        empty="Nothing to scale: the app has no release with process types.",
    )


def update(change: str) -> dict[str, Any]:
    """`web=3`, `web+1`, `web=2:standard-2x` or `web=:standard-2x` as the API's update."""
    found = CHANGE.fullmatch(change)
    if found is None or not (found["set"] or found["step"] or found["size"]):
        raise UsageError(f'"{change}" does not say what to scale.', hint="Write TYPE=N, TYPE+N or TYPE-N.")
    quantity = found["set"] or found["step"]
    fields = {"type": found["type"], "quantity": quantity, "size": found["size"]}
    return {key: value for key, value in fields.items() if value is not None}
