"""The server process: `python -m twelve.serve`. Settings, platform, API; then, when asked to end, everything in order.

SIGTERM, SIGINT: apps drained and stopped, then services, front door and database. SIGHUP: only this process ends; apps
and front door go on, and the next server adopts them. That is how twelve itself is upgraded.
"""

import contextlib
import errno
import fcntl
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from twelve.core.errors import Conflict, DiskFull, PlatformError, TwelveError
from twelve.infra.pages import give_back, share_one_arena
from twelve.infra.settings import Settings

if TYPE_CHECKING:
    from twelve.flow.platform import Platform

READY_FD = "TWELVE_READY_FD"  # where the one who started us waits for "ready\n" or one error line


class Readiness:
    """One line to whoever started us, then silence."""

    def __init__(self, descriptor: str | None) -> None:
        self._fd = int(descriptor) if descriptor else None
        if self._fd is not None:  # what we start must not keep it: our death is to be seen by who waits
            os.set_inheritable(self._fd, False)

    def say(self, text: str) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.write(self._fd, f"{text}\n".encode())
                os.close(self._fd)
            self._fd = None


def main() -> int:
    share_one_arena()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    readiness = Readiness(os.environ.pop(READY_FD, None))
    try:
        settings = Settings.from_environment()
        settings.make_directories()
        with only_server(settings.server_lock, settings.home):
            run(settings, readiness)
    except TwelveError as error:
        return _end(readiness, error)
    except OSError as error:
        kind = DiskFull if error.errno == errno.ENOSPC else PlatformError
        return _end(readiness, kind(f"{error.strerror}: {error.filename or 'twelve server'}"))
    return 0


def run(settings: Settings, readiness: Readiness) -> None:
    from twelve.first import First  # noqa: PLC0415 - a wrong setting is told before the slow imports

    with contextlib.ExitStack() as on_failure:
        first = First(settings)
        on_failure.callback(first.give_up)
        from twelve.faces.api.server import Server  # noqa: PLC0415 - the database starts meanwhile
        from twelve.flow import start  # noqa: PLC0415
        from twelve.wiring import Wiring  # noqa: PLC0415

        server = on_failure.enter_context(contextlib.closing(Server.bind(settings)))
        wired = Wiring(settings, first)
        on_failure.pop_all()
    with contextlib.closing(server):
        start.start(wired.platform)
        threading.Thread(target=_bring_up, args=(wired.platform,), name="bring up", daemon=True).start()
        wired.scheduler.start()
        wired.retrainer.start()
        wired.autoscaler.start()
        wired.rollout_watch.start()
        received = server.serve(wired.platform, on_listening=lambda: readiness.say("ready"), leaving=wired.rest)
    wired.autoscaler.close()
    wired.rollout_watch.close()
    wired.scheduler.close()
    wired.retrainer.close()
    if received == signal.SIGHUP:
        wired.leave()
    else:
        start.stop(wired.platform)
        wired.stop()
        settings.remove_run()


def _bring_up(platform: "Platform") -> None:
    from twelve.flow import start  # noqa: PLC0415 - see run

    start.bring_up(platform)
    give_back()


@contextlib.contextmanager
def only_server(lock: Path, home: Path) -> Iterator[None]:
    """Two servers on one TWELVE_HOME would fight over every process."""
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(f"A twelve server already runs in {home}.") from None
        yield


def _end(readiness: Readiness, error: TwelveError) -> int:
    readiness.say(f"{error.exit_code} {error}")
    print(f"twelve: {error}", file=sys.stderr)  # noqa: T201 - the command's own output
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
