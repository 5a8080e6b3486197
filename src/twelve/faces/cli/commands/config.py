"""`twelve config [list | get | set | unset | edit | import]`"""

from collections.abc import Mapping
from pathlib import Path

import click

from twelve.core.errors import BadDotenv, NotFound
from twelve.core.formats import dotenv
from twelve.core.model.config import MASK
from twelve.core.policy import environment
from twelve.faces.cli.client import Client
from twelve.faces.cli.editor import edited
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.pairs import read_pairs
from twelve.faces.cli.which_app import app_option, app_path, current_release

Updates = Mapping[str, str | None]


@click.group("config", cls=Family)
def command() -> None:
    """Show and change config vars. Each change is a new release, and returns when that release serves.

    \b
    Examples:
      twelve config
      twelve config set GREETING=hello COLOUR=blue
      twelve config set API_KEY=-             the value from stdin, out of the shell's history
      twelve config set CERTIFICATE=@ca.pem   the value from a file
      twelve config import .env
    """


@command.command("list")
@click.option("--show-values", is_flag=True, help="Show the values instead of masks.")
@app_option
@json_option
def list_(show_values: bool, app: str | None, as_json: bool) -> None:
    """All keys; values are masked unless asked for."""
    client = Client.here()
    found = config_of(client, app_path(client, app))
    shown = found if show_values else dict.fromkeys(found, MASK)
    if as_json:
        show_json(shown)
        return
    show_table(("KEY", "VALUE"), sorted(shown.items()), empty="No config vars.")


@command.command()
@click.argument("key")
@app_option
def get(key: str, app: str | None) -> None:
    """The value of one key."""
    client = Client.here()
    found = config_of(client, app_path(client, app))
    if key not in found:
        raise NotFound(f'"{key}" is not set.', hint="`twelve config` lists the keys.")
    click.echo(found[key])


@command.command("set")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option("--candidate", is_flag=True, help="In a release that takes no requests; `rollout` gives it some.")
@app_option
def set_(pairs: tuple[str, ...], candidate: bool, app: str | None) -> None:
    """Set config vars. VALUE `-` is read from stdin, `@FILE` from a file."""
    client = Client.here()
    if candidate:
        made = client.post(f"{app_path(client, app)}/candidates", {"config_vars": read_pairs(pairs)})
        click.echo(f"Made candidate v{made['version']}; `twelve rollout start` gives it requests.")
        return
    change(client, app_path(client, app), read_pairs(pairs))


@command.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@app_option
def unset(keys: tuple[str, ...], app: str | None) -> None:
    """Remove config vars."""
    client = Client.here()
    path = app_path(client, app)
    found = config_of(client, path)
    for key in keys:
        if key not in found:
            raise NotFound(f'"{key}" is not set, so nothing was changed.', hint="`twelve config` lists the keys.")
    change(client, path, dict.fromkeys(keys))


@command.command()
@app_option
def edit(app: str | None) -> None:
    """Open all config vars in $EDITOR; what was changed is set when it closes."""
    client = Client.here()
    path = app_path(client, app)
    before = config_of(client, path)
    after = edited(before)
    gone = dict.fromkeys(before.keys() - after.keys())
    updates = gone | {key: value for key, value in after.items() if before.get(key) != value}
    if not updates:
        click.echo("Nothing was changed.")
        return
    change(client, path, updates)


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@app_option
def import_(file: Path, app: str | None) -> None:
    """Set what a .env file holds. Nothing in it is expanded."""
    client = Client.here()
    values = dotenv.load(file.read_bytes(), str(file))
    if not values:
        raise BadDotenv(f"{file} sets nothing.")
    change(client, app_path(client, app), values)


def config_of(client: Client, path: str) -> dict[str, str]:
    found: dict[str, str] = client.get(f"{path}/config-vars")
    return found


def change(client: Client, path: str, updates: Updates) -> None:
    client.patch(f"{path}/config-vars", updates)
    click.echo(f"{told(updates)}{serving(client, path)}.")
    for note in environment.notes(key for key, value in updates.items() if value is not None):
        click.echo(note, err=True)


def told(updates: Updates) -> str:
    put = [key for key, value in updates.items() if value is not None]
    gone = [key for key, value in updates.items() if value is None]
    parts = [f"{verb} {', '.join(sorted(keys))}" for verb, keys in (("Set", put), ("Removed", gone)) if keys]
    return "; ".join(parts)


def serving(client: Client, path: str) -> str:
    release = current_release(client, path)
    return f": v{release['version']} serves" if release and release["slug"] else ": the first deploy will have it"
