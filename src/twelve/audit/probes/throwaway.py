"""A platform that is thrown away: its own home, ports, services and processes. Nothing of it stays."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from twelve.audit.probes.guardian import guarded
from twelve.audit.probes.patience import until
from twelve.core.errors import TwelveError
from twelve.first import First
from twelve.flow import start
from twelve.flow.platform import Platform
from twelve.infra.files import remove_tree
from twelve.infra.ports import any_free
from twelve.infra.settings import Settings
from twelve.wiring import Wiring


@contextlib.contextmanager
def throw_away_platform() -> Iterator[Platform]:
    """The user's package cache and components are shared: they are no state."""
    with TemporaryDirectory(prefix="twelve-audit-", ignore_cleanup_errors=True) as home, guarded(Path(home)):
        settings = _settings(Path(home))
        settings.make_directories()
        components = Settings.from_environment().components
        components.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings.components.rmdir()
        settings.components.symlink_to(components)
        with _running(settings) as platform:
            yield platform


def take_away(home: Path) -> None:
    """What somebody has left who was killed: taken over, as a killed server's would be, and ended in order."""
    if home.is_dir():
        settings = _settings(home)
        settings.make_directories()
        with _running(settings):
            pass
        remove_tree(home)


def answers(platform: Platform) -> bool:
    """Its database, that is."""
    try:
        platform.apps.list()
    except TwelveError:
        return False
    return True


def _settings(home: Path) -> Settings:
    return replace(
        Settings.from_environment(), home=home, api_port=any_free(), router_port=any_free(), database_url=None
    )


@contextlib.contextmanager
def _running(settings: Settings) -> Iterator[Platform]:
    first = First(settings)
    try:
        wired = Wiring(settings, first)
    except BaseException:
        first.give_up()
        raise
    try:
        start.start(wired.platform)
        yield wired.platform
    finally:
        with contextlib.ExitStack() as ends:  # in the other order, and each one whatever becomes of those before it
            ends.callback(remove_tree, settings.layers)
            ends.callback(remove_tree, settings.slugs)
            ends.callback(settings.remove_run)
            ends.callback(wired.stop)
            until(lambda: answers(wired.platform))
            start.stop(wired.platform)
