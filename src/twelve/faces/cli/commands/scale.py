"""`twelve scale TYPE=N ...`"""

import re
from typing import Any

import click

from twelve.core.errors import UsageError
from twelve.core.formats.duration import milliseconds
from twelve.faces.cli.autoscaled import autoscaled
from twelve.faces.cli.client import Client
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path

CHANGE = re.compile(
    r"(?P<type>[A-Za-z0-9_-]+?)"
    r"(?:=(?P<min>\d+)\.\.(?P<max>\d+)|=(?P<set>\d+)|(?P<step>[+-]\d+)|=)"
    r"(?::(?P<size>[A-Za-z0-9-]+))?"
)


@click.command("scale", context_settings={"ignore_unknown_options": True})
@click.argument("changes", nargs=-1, metavar="[TYPE=N[:SIZE]|TYPE=MIN..MAX]...")
@click.option("--p95", metavar="TIME", help="Within MIN..MAX, as many that 95 % of requests take at most this long.")
@click.option("--queue", type=int, metavar="N", help="Within MIN..MAX, as many that each has at most N open requests.")
@app_option
@json_option
def command(changes: tuple[str, ...], p95: str | None, queue: int | None, app: str | None, as_json: bool) -> None:
    """Set how many processes of each type run; without arguments, show it.

    Returns when the new processes are up and the others gone. With a range, twelve chooses from then on, by what it
    measures; a number ends that.

    \b
    Examples:
      twelve scale
      twelve scale web=3 worker=2
      twelve scale web+1
      twelve scale worker=1:standard-2x
      twelve scale web=2..8 --p95 300ms
      twelve scale web=2..8 --queue 10
    """
    updates = with_target([update(change) for change in changes], p95, queue)
    client = Client.here()
    path = f"{app_path(client, app)}/formation"
    formation = client.patch(path, {"updates": updates}) if updates else client.list(path)
    if as_json:
        show_json(formation)
        return
    rows = [(e["type"], e["quantity"], autoscaled(e["autoscale"]), e["size"], e["command"]) for e in formation]
    show_table(
        ("TYPE", "QUANTITY", "AUTOSCALE", "SIZE", "COMMAND"),
        rows,
        empty="Nothing to scale: the app has no release with process types.",
    )


def update(change: str) -> dict[str, Any]:
    """`web=3`, `web+1`, `web=2:standard-2x`, `web=:standard-2x` or `web=2..8` as the API's update."""
    found = CHANGE.fullmatch(change)
    if found is None or not (found["set"] or found["step"] or found["size"] or found["min"]):
        raise UsageError(f'"{change}" does not say what to scale.', hint="Write TYPE=N, TYPE+N, TYPE-N or TYPE=N..N.")
    fields: dict[str, Any] = {"type": found["type"], "quantity": found["set"] or found["step"], "size": found["size"]}
    if found["min"]:
        fields["autoscale"] = {"min": int(found["min"]), "max": int(found["max"])}
    return {key: value for key, value in fields.items() if value is not None}


def with_target(updates: list[dict[str, Any]], p95: str | None, queue: int | None) -> list[dict[str, Any]]:
    """What the ranges are for; a target without a range says nothing."""
    target = {"p95_ms": None if p95 is None else milliseconds(p95), "queue": queue}
    given = {key: value for key, value in target.items() if value is not None}
    ranges = [one for one in updates if "autoscale" in one]
    if given and not ranges:
        raise UsageError("--p95 and --queue need a range to choose from.", hint="Such as web=2..8.")
    for one in ranges:
        one["autoscale"] |= given
    return updates
