"""`twelve models alias [list | set | remove | history]`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path


@click.group("alias", cls=Family)
def command() -> None:
    """Words for versions, such as champion. They are resolved when somebody promotes, never when a process runs."""


@command.command("list")
@app_option
@json_option
def list_(app: str | None, as_json: bool) -> None:
    """What each alias means now."""
    _show("", app, as_json)


@command.command()
@app_option
@json_option
def history(app: str | None, as_json: bool) -> None:
    """Everything aliases ever meant, the oldest first."""
    _show("?history=true", app, as_json)


@command.command("set")
@click.argument("name")
@click.argument("alias")
@click.argument("version")
@app_option
@json_option
def set_(name: str, alias: str, version: str, app: str | None, as_json: bool) -> None:
    """From now on ALIAS means VERSION: a number, a digest, or what another alias means now."""
    client = Client.here()
    body = {"name": name, "alias": alias, "version": version}
    made = client.post(f"{app_path(client, app)}/model-aliases", body)
    if as_json:
        show_json(made)
    else:
        click.echo(f"{name}@{alias} is {name}@{made['version']} now, {made['digest']}.")


@command.command()
@click.argument("name")
@click.argument("alias")
@app_option
@json_option
def remove(name: str, alias: str, app: str | None, as_json: bool) -> None:
    """Forget an alias; its history stays."""
    client = Client.here()
    gone = client.delete(f"{app_path(client, app)}/model-aliases/{segment(name)}/{segment(alias)}")
    if as_json:
        show_json(gone)
    else:
        click.echo(f"Removed {name}@{alias}.")


def _show(query: str, app: str | None, as_json: bool) -> None:
    client = Client.here()
    found = client.get(f"{app_path(client, app)}/model-aliases{query}")
    if as_json:
        show_json(found)
        return
    rows = [
        (f"{one['name']}@{one['alias']}", one["version"] or "removed", one["user"]["email"], ago(one["created_at"]))
        for one in found
    ]
    show_table(("ALIAS", "VERSION", "BY", "WHEN"), rows, empty="No aliases. `twelve models alias set` makes one.")
