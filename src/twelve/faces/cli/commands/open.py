"""`twelve open`"""

import click

from twelve.faces.cli.client import Client
from twelve.faces.cli.which_app import app_option, app_path, url_of


@click.command("open")
@click.option("--browser", "-b", is_flag=True, help="Open it in the browser, too.")
@app_option
def command(browser: bool, app: str | None) -> None:
    """Print the address of an app.

    \b
    Examples:
      twelve open
      curl "$(twelve open)"
    """
    client = Client.here()
    url = url_of(client.get(app_path(client, app)))
    click.echo(url)
    if browser:
        click.launch(url)
