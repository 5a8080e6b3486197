"""`twelve server`"""

import os
import sys

import click

from twelve.faces.cli.start_server import command as server_command


@click.command("server")
def command() -> None:
    """Run the platform in the foreground. Ctrl-C stops every app, the services and the front door, in order.

    Configured by the environment: TWELVE_HOME (~/.twelve), TWELVE_API_PORT (4012), TWELVE_ROUTER_PORT (8012),
    DATABASE_URL and TWELVE_SECRET_KEY.

    \b
    Examples:
      twelve server
      TWELVE_HOME=/srv/twelve TWELVE_API_PORT=4013 TWELVE_ROUTER_PORT=80 twelve server
    """
    sys.stdout.flush()
    argv = server_command()
    os.execv(argv[0], argv)  # noqa: S606 - becomes the server, with this terminal and these signals
