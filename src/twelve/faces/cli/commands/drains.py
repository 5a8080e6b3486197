"""`twelve drains [list | add | remove]`"""

import sys

import click

from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path


@click.group("drains", cls=Family)
def command() -> None:
    """Send a copy of an app's log to other servers, as it comes.

    A URL begins with https:// or http:// (Logplex frames), syslog+tls:// or syslog:// (RFC 5424), otlp+https:// or
    otlp+http:// (OpenTelemetry). What a receiver does not take in time is dropped, oldest first, and announced to it
    as L10.

    \b
    Examples:
      twelve drains
      twelve drains add syslog+tls://logs.example.com:6514
      twelve drains add - < url.txt              a URL with a password, out of the shell's history
      twelve drains remove syslog+tls://logs.example.com:6514
    """


@command.command("list")
@app_option
@json_option
def list_(app: str | None, as_json: bool) -> None:
    """The drains of an app; credentials in their URLs are hidden."""
    client = Client.here()
    drains = client.list(f"{app_path(client, app)}/log-drains")
    if as_json:
        show_json(drains)
        return
    rows = [(drain["id"], drain["url"], drain["token"], ago(drain["created_at"])) for drain in drains]
    show_table(("ID", "URL", "TOKEN", "ADDED"), rows, empty="No drains. `twelve drains add URL` adds one.")


@command.command()
@click.argument("url")
@app_option
@json_option
def add(url: str, app: str | None, as_json: bool) -> None:
    """Send every new line to URL. `-` reads the URL from stdin."""
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/log-drains", {"url": read(url)})
    if as_json:
        show_json(made)
        return
    click.echo(f"New lines go to {made['url']} as {made['token']}.")


@command.command()
@click.argument("drain", metavar="URL|ID|TOKEN")
@app_option
@json_option
def remove(drain: str, app: str | None, as_json: bool) -> None:
    """Send nothing more to a drain. `-` reads its URL from stdin."""
    client = Client.here()
    gone = client.delete(f"{app_path(client, app)}/log-drains/{segment(read(drain))}")
    if as_json:
        show_json(gone)
        return
    click.echo(f"Nothing more goes to {gone['url']}.")


def read(word: str) -> str:
    """A command line can be seen by everybody on this machine; stdin cannot."""
    return sys.stdin.read().strip() if word == "-" else word
