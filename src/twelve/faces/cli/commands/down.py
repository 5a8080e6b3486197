"""`twelve down`"""

import os
import time

import click

from twelve.core.errors import PlatformError
from twelve.faces.cli.client import NOT_RUNNING, Client
from twelve.faces.cli.start_server import ensure_running

DEADLINE = 120.0  # graces of processes, then services and the database


@click.command("down")
def command() -> None:
    """Stop every app and the platform, in order. The next start brings the apps back.

    \b
    Examples:
      twelve down
    """
    client = Client.here()
    if not client.is_running():
        if not left_behind(client):
            click.echo(NOT_RUNNING)
            return
        ensure_running(client)  # only a server can stop in order what another one has left running
    click.echo("Stopping the apps and the platform ...", err=True)
    shut_down(client)
    click.echo("Stopped.")


def left_behind(client: Client) -> bool:
    """Whether servers of the platform are on record without it: they outlive a server that was killed."""
    return any((client.settings.run / "daemons").glob("*.json"))


def shut_down(client: Client) -> None:
    """Returns when the server has ended; the kernel drops the server's lock with its last breath."""
    client.post("/_twelve/shutdown")
    deadline = time.monotonic() + DEADLINE
    while holds_lock(client):
        if time.monotonic() > deadline:
            raise PlatformError(
                f"The platform is still stopping after {DEADLINE:.0f} s.", hint="`twelve status` tells what runs."
            )
        time.sleep(0.05)


def holds_lock(client: Client) -> bool:
    import fcntl

    try:
        descriptor = os.open(client.settings.server_lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
