"""`twelve rollback [vN]`"""

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.which_app import app_option, app_path


@click.command("rollback")
@click.argument("release", required=False, metavar="[vN]")
@app_option
def command(release: str | None, app: str | None) -> None:
    """Release an earlier release again: its code, its config, its attachments. Without vN, the one before the current.

    \b
    Examples:
      twelve rollback
      twelve rollback v12
    """
    client = Client.here()
    made = client.post(f"{app_path(client, app)}/releases", {"release": release} if release else {})
    click.echo(f"{made['description']}: v{made['version']} serves.")
