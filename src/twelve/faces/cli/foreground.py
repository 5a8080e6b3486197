"""`up` in the foreground: the app's log in the terminal, and an orderly end when somebody presses Ctrl-C."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import click

from twelve.core.errors import ConfigError, RunError, TwelveError
from twelve.faces.cli.client import Client
from twelve.faces.cli.commands.down import shut_down
from twelve.faces.cli.ending import ENDINGS
from twelve.faces.cli.log_stream import Wanted, open_log, read_log, short
from twelve.faces.cli.which_app import url_of

TAIL = Wanted(lines=0, tail=True)
CURED_BY_COMMANDS = range(ConfigError.exit_code, RunError.exit_code)  # config, services, releases: `config set` helps


class Ended(Exception):
    """Somebody asked this command to end."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """The first signal raises Ended in the main thread; a second one leaves at once, but a lost terminal does not."""
    before = {number: signal.signal(number, _first) for number in ENDINGS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first(number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for impatient in (signal.SIGINT, signal.SIGTERM):
        signal.signal(impatient, _second)
    raise Ended(ENDINGS[signal.Signals(number)])


def _second(number: int, _frame: FrameType | None) -> None:
    os._exit(ENDINGS[signal.Signals(number)])


class Foreground:
    """`started_here`: the platform runs because of this command, and so ends with it when nobody else needs it."""

    def __init__(self, client: Client, app: str, *, started_here: bool) -> None:
        self._client = client
        self._app = app
        self._started_here = started_here
        self._served = False
        self._log_may_show = threading.Event()
        self._form: Callable[[str], str] = short if sys.stdout.isatty() else str

    def follow_log(self) -> None:
        """From now on; shown once the app serves, so that the build's output comes first and whole."""
        url = open_log(self._client, f"/apps/{self._app}", TAIL)
        threading.Thread(target=self._show_log, args=[url], name="log", daemon=True).start()

    def _show_log(self, url: str) -> None:
        with contextlib.suppress(TwelveError, OSError, ValueError):  # the server has ended, or our output has
            for text in read_log(self._client, url, TAIL):
                self._log_may_show.wait()
                click.echo(self._form(text))
                sys.stdout.flush()

    def serves(self) -> None:
        self._served = True  # before anybody can read the next line and press Ctrl-C
        url = url_of(self._client.get(f"/apps/{self._app}"))
        click.secho(f"{url}   Ctrl-C stops {self._app}.", err=True, bold=True)
        self._log_may_show.set()

    def end(self) -> None:
        """In order: the app, then the platform, if it is ours to stop."""
        if not self._served:
            self._end_before_it_served()
            return
        echoed = "\n" if sys.stderr.isatty() else ""  # the terminal has just printed ^C
        with contextlib.suppress(OSError):  # the terminal may be gone already
            click.secho(f"{echoed}Stopping {self._app}...", err=True, bold=True)
        self._client.post(f"/apps/{self._app}/actions/stop")
        self._stop_platform()

    def _end_before_it_served(self) -> None:
        if self._stop_platform():
            click.echo("The deploy was given up.", err=True)
        else:
            click.echo("The deploy goes on without you; `twelve logs` shows it.", err=True)

    def failed(self, exit_code: int) -> None:
        """A platform started for nothing ends again, unless a command that needs it is the remedy."""
        if exit_code not in CURED_BY_COMMANDS:
            self._stop_platform()
        elif self._started_here:
            click.echo("The platform stays up for `twelve config set` and its kin; `twelve down` ends it.", err=True)

    def _stop_platform(self) -> bool:
        if not self._started_here or anything_runs(self._client):
            return False
        shut_down(self._client)
        return True


def anything_runs(client: Client) -> bool:
    return any(client.list(f"/apps/{app['id']}/dynos") for app in client.list("/apps"))
