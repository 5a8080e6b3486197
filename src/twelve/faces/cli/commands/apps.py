"""`twelve apps [list | create | info | destroy]`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, confirm_by_name, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_name, complete_apps, url_of


@click.group("apps", cls=Family)
def command() -> None:
    """List, create, describe and destroy apps. `twelve up` creates the app it needs by itself.

    \b
    Examples:
      twelve apps
      twelve apps create notes
      twelve apps info notes
      twelve apps destroy notes
    """


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All apps of this platform."""
    apps = Client.here().list("/apps")
    if as_json:
        show_json(apps)
        return
    rows = [(app["name"], url_of(app), ago(app["created_at"])) for app in apps]
    show_table(("APP", "ADDRESS", "CREATED"), rows, empty="No apps yet. `twelve up` makes the first.")


@command.command()
@click.argument("name", required=False)
@json_option
def create(name: str | None, as_json: bool) -> None:
    """Make an app that has nothing to run yet."""
    app = Client.here().post("/apps", {"name": name} if name else {})
    if as_json:
        show_json(app)
    else:
        click.echo(f"Created {app['name']}: {url_of(app)}")


@command.command()
@click.argument("name", required=False, envvar="TWELVE_APP", shell_complete=complete_apps)
@json_option
def info(name: str | None, as_json: bool) -> None:
    """One app."""
    client = Client.here()
    app = client.get(f"/apps/{segment(app_name(client, name))}")
    if as_json:
        show_json(app)
        return
    processes = client.list(f"/apps/{app['id']}/dynos")
    resources = client.list(f"/apps/{app['id']}/addons")
    click.secho(app["name"], bold=True)
    click.echo(f"Address:    {url_of(app)}")
    click.echo(f"Created:    {ago(app['created_at'])} by {app['owner']['email']}")
    click.echo("Processes:  " + (", ".join(f"{p['name']} {p['state']}" for p in processes) or "none"))
    click.echo("Services:   " + (", ".join(resource["name"] for resource in resources) or "none"))


@command.command()
@click.argument("name", shell_complete=complete_apps)
@click.option("--confirm", metavar="NAME", help="The app's name again, instead of typing it.")
def destroy(name: str, confirm: str | None) -> None:
    """Destroy an app with its releases, its config and the data of its services."""
    client = Client.here()
    app = client.get(f"/apps/{segment(name)}")
    confirm_by_name(
        app["name"], confirm, f"This destroys {app['name']}, its releases, its config and the data of its services."
    )
    client.delete(f"/apps/{app['id']}")
    click.echo(f"Destroyed {app['name']}.")
