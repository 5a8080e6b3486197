"""`twelve domains [list | add | remove]`"""

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path


@click.group("domains", cls=Family)
def command() -> None:
    """Host names that lead to an app, besides APP.localhost.

    \b
    Examples:
      twelve domains
      twelve domains add www.example.com
      twelve domains remove www.example.com
    """


@command.command("list")
@app_option
@json_option
def list_(app: str | None, as_json: bool) -> None:
    """The host names of an app."""
    client = Client.here()
    domains = client.list(f"{app_path(client, app)}/domains")
    if as_json:
        show_json(domains)
        return
    show_table(("HOSTNAME", "KIND"), [(domain["hostname"], domain["kind"]) for domain in domains], empty="No domains.")


@command.command()
@click.argument("hostname")
@app_option
def add(hostname: str, app: str | None) -> None:
    """Let a host name lead to the app."""
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/domains", {"hostname": hostname, "sni_endpoint": None})
    click.echo(f"{made['hostname']} leads to the app.")


@command.command()
@click.argument("hostname")
@app_option
def remove(hostname: str, app: str | None) -> None:
    """Let a host name lead nowhere."""
    client = Client.here()
    gone = client.delete(f"{app_path(client, app)}/domains/{segment(hostname)}")
    click.echo(f"{gone['hostname']} leads nowhere now.")
