"""Factor XII: admin tasks are processes of the same release, started by hand or by the clock, and end with a code.

def main() -> None:
    settings = load_or_exit(Settings)
    with postgres.connect(settings.database_url) as db, only_one("requeue", postgres=db):
        for row in progress(db.execute("select id from notes").fetchall(), "notes"):
            ...

if __name__ == "__main__":
    run(main)
"""

import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import NoReturn, TypeVar

from twelve_runtime._locks import Lock, LockLost, only_one
from twelve_runtime.errors import BUSY, CONFIG, FAILED, UNAVAILABLE, USAGE, RuntimeProblem
from twelve_runtime.redaction import mask

__all__ = [
    "BUSY", "CONFIG", "FAILED", "UNAVAILABLE", "USAGE", "Lock", "LockLost", "Unconfirmed", "confirm", "only_one",
    "progress", "run",
]  # fmt: skip
T = TypeVar("T")
INTERRUPTED = 130
EVERY = 10.0  # seconds between two lines where nobody watches
BLINK = 0.2  # seconds between two updates of the line that somebody watches


class Unconfirmed(RuntimeProblem):
    """Nobody is there to say yes, or somebody said no."""

    exit_code = USAGE


def run(main: Callable[[], int | None]) -> NoReturn:
    """Ends the process with what `main` returns (None is 0), or with the code of what went wrong.

    A problem that a person has to put right (config 78, service 69, busy 75, unconfirmed 64) is a sentence on stderr;
    anything else a stack and 1; Ctrl-C 130.
    """
    try:
        code = main() or 0
    except RuntimeProblem as problem:
        sys.stderr.write(f"{problem}\n")
        code = problem.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 - a process ends here
        sys.stderr.write(mask(traceback.format_exc()))
        code = FAILED
    sys.exit(code)


def confirm(question: str, *, yes: bool = False) -> None:
    """Goes on when a person at a terminal says yes, or when the caller did before (`--yes`); raises otherwise."""
    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty()):
        raise Unconfirmed(f"{question} Nobody can answer, as there is no terminal: say --yes.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Unconfirmed("Not confirmed; nothing was done.")


def progress(items: Iterable[T], what: str, *, total: int | None = None, every: float = EVERY) -> Iterator[T]:
    """Counts on stderr: in one line that changes where a person watches, else in a line each `every` seconds."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    watched = sys.stderr.isatty()
    began = told = time.monotonic()
    count = 0
    for item in items:
        yield item
        count += 1
        now = time.monotonic()
        if now - told >= (BLINK if watched else every):
            _tell(watched, count, total, what, now - began)
            told = now
    _tell(watched, count, total, what, time.monotonic() - began, end="\n")


def _tell(watched: bool, count: int, total: int | None, what: str, seconds: float, end: str = "") -> None:
    of = f" of {total}" if total else ""
    rate = f", {count / seconds:.0f} a second" if seconds >= 1 else ""
    text = f"{count}{of} {what}{rate}"
    sys.stderr.write(f"\r\x1b[K{text}{end}" if watched else f"{text}\n")
    sys.stderr.flush()
