"""`twelve services [list | add | attach | detach | info | mails | remove]`"""

from typing import Any

import click

from twelve.core.errors import NotFound, UsageError
from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, confirm_by_name, json_option, show_json, show_table
from twelve.faces.cli.pairs import read_pairs
from twelve.faces.cli.which_app import app_name, app_option, app_path

Object = dict[str, Any]


@click.group("services", cls=Family)
def command() -> None:
    """Add, attach and remove backing services: postgres, redis, s3, smtp, nats, or any by its URL.

    An app reads their addresses from its config (DATABASE_URL, REDIS_URL ...).

    \b
    Examples:
      twelve services add postgres
      twelve services add redis --as CACHE
      twelve services attach DATABASE_URL=postgres://user:password@db.example.com/notes
      twelve services attach DATABASE_URL=postgres://user:password@db.example.com/notes --replace
      twelve services attach postgres-calm-4821 --as READ_ONLY
      twelve services detach CACHE
      twelve services mails
      twelve services remove postgres-calm-4821
    """


@command.command("list")
@click.option("--all", "everything", is_flag=True, help="Of every app.")
@app_option
@json_option
def list_(everything: bool, app: str | None, as_json: bool) -> None:
    """The services attached to an app."""
    client = Client.here()
    path = "" if everything else app_path(client, app)
    resources = client.list(f"{path}/addons")
    if as_json:
        show_json(resources)
        return
    attached = client.list(f"{path}/addon-attachments")
    rows = [
        (r["name"], r["plan"]["name"], r["app"]["name"], attachments_of(r, attached, everything=everything), r["state"])
        for r in resources
    ]
    headers = ("SERVICE", "PLAN", "OWNER", "ATTACHED AS", "STATE")
    show_table(headers, rows, empty="No services. `twelve services add postgres` adds one.")


def attachments_of(resource: Object, attachments: list[Object], *, everything: bool) -> str:
    """With the app's name before those of others than the owner, where the list is not one app's own."""
    return ", ".join(
        attachment["name"]
        if not everything or attachment["app"]["id"] == resource["app"]["id"]
        else f"{attachment['app']['name']}::{attachment['name']}"
        for attachment in attachments
        if attachment["addon"]["id"] == resource["id"]
    )


@command.command()
@click.argument("plan", metavar="SERVICE")
@click.option("--name", help="What the service is called; made up otherwise.")
@click.option("--as", "attachment", metavar="NAME", help="The name of the attachment: NAME_URL in the app's config.")
@app_option
@json_option
def add(plan: str, name: str | None, attachment: str | None, app: str | None, as_json: bool) -> None:
    """Make a service for an app and attach it."""
    if plan == "url":
        raise UsageError("A service by its URL is attached.", hint="Such as `twelve services attach KEY=URL`.")
    client = Client.here()
    body: Object = {"plan": plan}
    if name:
        body["name"] = name
    if attachment:
        body["attachment"] = {"name": attachment.upper()}
    made = client.post(f"{app_path(client, app)}/addons", body)
    if as_json:
        show_json(made)
    else:
        click.echo(f"Added {made['name']} ({made['plan']['name']}), which sets {', '.join(made['config_vars'])}.")


@command.command()
@click.argument("what", metavar="SERVICE|KEY=URL")
@click.option("--as", "attachment", metavar="NAME", help="The name of the attachment.")
@click.option("--replace", is_flag=True, help="In the place of what has that name now; that service and its data stay.")
@app_option
def attach(what: str, attachment: str | None, replace: bool, app: str | None) -> None:
    """Attach a service of another app, or any service by its URL (`KEY=-` reads the URL from stdin)."""
    client = Client.here()
    name = app_name(client, app)
    confirm = {"confirm": name} if replace else {}
    if "=" in what:
        if attachment:
            raise UsageError("KEY=URL says what the attachment is called.", hint="Leave --as out.")
        [(key, url)] = read_pairs([what]).items()
        client.post(f"/apps/{segment(name)}/addons", {"plan": "url", "config": {"key": key, "url": url}, **confirm})
        click.echo(f"Attached {key} to {name}.")
        return
    body = {"addon": what, "app": name, **({"name": attachment.upper()} if attachment else {}), **confirm}
    made = client.post("/addon-attachments", body)
    click.echo(f"Attached {made['addon']['name']} to {name} as {made['name']}.")


@command.command()
@click.argument("attachment")
@app_option
def detach(attachment: str, app: str | None) -> None:
    """Take an attachment from an app; the service and its data stay."""
    client = Client.here()
    name = app_name(client, app)
    found = client.post("/actions/addon-attachments/resolve", {"addon_attachment": attachment, "app": name})
    client.delete(f"/addon-attachments/{found[0]['id']}")
    click.echo(f"Detached {found[0]['name']} ({found[0]['addon']['name']}) from {name}.")


@command.command()
@click.argument("service")
@app_option
@json_option
def info(service: str, app: str | None, as_json: bool) -> None:
    """One service."""
    client = Client.here()
    found = resolve(client, service, app)
    if as_json:
        show_json(found)
        return
    attached = client.list(f"/addons/{found['id']}/addon-attachments")
    click.secho(found["name"], bold=True)
    click.echo(f"Plan:         {found['plan']['name']}")
    click.echo(f"Owner:        {found['app']['name']}")
    click.echo(f"Attached as:  {attachments_of(found, attached, everything=True) or 'nothing'}")
    click.echo(f"Config vars:  {', '.join(found['config_vars'])}")
    click.echo(f"State:        {found['state']}, made {ago(found['created_at'])}")


@command.command()
@click.argument("number", required=False, metavar="[ID]")
@click.option("--of", "service", default="SMTP", metavar="SERVICE", help="The catcher.", show_default=True)
@app_option
@json_option
def mails(number: str | None, service: str, app: str | None, as_json: bool) -> None:
    """What an app has sent to its mail catcher, or one of these mails in full."""
    client = Client.here()
    found: list[Object] = client.get(f"/addons/{resolve(client, service, app)['id']}/mails")
    if number is not None:
        found = [mail for mail in found if mail["id"] == number]
        if not found:
            raise NotFound(f"There is no mail {number}.", hint="`twelve services mails` lists them.")
    if as_json:
        show_json(found)
    elif number is not None:
        click.echo(found[0]["message"])
    else:
        rows = [(m["id"], ago(m["created_at"]), m["from"], ", ".join(m["to"]), m["subject"]) for m in found]
        show_table(("ID", "WHEN", "FROM", "TO", "SUBJECT"), rows, empty="No mails.")


@command.command()
@click.argument("service")
@click.option("--confirm", metavar="NAME", help="The service's name again, instead of typing it.")
@app_option
def remove(service: str, confirm: str | None, app: str | None) -> None:
    """Destroy a service and its data."""
    client = Client.here()
    found = resolve(client, service, app)
    confirm_by_name(found["name"], confirm, f"This destroys {found['name']} ({found['plan']['name']}) and its data.")
    client.delete(f"/apps/{found['app']['id']}/addons/{found['id']}")
    click.echo(f"Removed {found['name']}.")


def resolve(client: Client, service: str, app: str | None) -> Object:
    """A service by its own name, or by that of an attachment of the app."""
    try:
        found: list[Object] = client.post("/actions/addons/resolve", {"addon": service, "app": app})
    except NotFound:
        if app is not None:
            raise
        found = client.post("/actions/addons/resolve", {"addon": service, "app": app_name(client, None)})
    return found[0]
