"""Starts the server when nobody has: a process of its own session that outlives this command and its terminal."""

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import cache_from_source
from pathlib import Path

import click

from twelve.core.errors import Conflict, PlatformError, ServerUnreachable, TwelveError, all_errors
from twelve.faces.cli.client import Client
from twelve.infra.settings import Settings

SERVER = "twelve.serve"
READY_FD = "TWELVE_READY_FD"  # the descriptor on which the server says "ready", or its exit code and one sentence
OTHERS_DEADLINE = 60.0


def command() -> list[str]:
    """`-I`: neither the current directory nor PYTHON* variables decide what the server imports.

    `-OO`: without docstrings and assertions, 3.5 MiB less; not where every start would have to compile everything anew.
    `no_debug_ranges`: tracebacks tell lines, not columns, 0.7 MiB less.
    """
    without = ["-OO"] if all(map(_keeps_bytecode, (os.__file__, __file__))) else []
    return [sys.executable, "-I", *without, "-X", "no_debug_ranges", "-m", SERVER]


def _keeps_bytecode(module: str) -> bool:
    """Whether the bytecode of its directory without docstrings is there or can be written."""
    cached = Path(cache_from_source(module, optimization=2))
    place = cached.parent if cached.parent.is_dir() else cached.parent.parent
    return cached.exists() or os.access(place, os.W_OK)


def ensure_running(client: Client) -> bool:
    """Returns once the server answers; True when it was this call that started it."""
    if client.is_running():
        return False
    client.settings.make_directories()
    with only_starter(client.settings):
        if client.is_running():
            return False
        click.secho("-----> Starting the platform", err=True, bold=True)
        try:
            start()
        except Conflict:
            wait_for_the_other(client)
            return False
    return True


@contextlib.contextmanager
def only_starter(settings: Settings) -> Iterator[None]:
    """Of several commands that find no server, one starts it and the others wait for that."""
    with (settings.home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start() -> None:
    """Waits for the server's word; its error becomes ours."""
    reading, writing = os.pipe()
    output = None if os.environ.get("TWELVE_DEBUG") else subprocess.DEVNULL
    with os.fdopen(reading, encoding="utf-8", errors="replace") as answer:
        try:
            subprocess.Popen(
                command(),
                cwd="/",
                env={**os.environ, READY_FD: str(writing)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[writing],
                start_new_session=True,
            )
        finally:
            os.close(writing)
        word = answer.readline().strip()
    if word != "ready":
        raise told(word)


def told(word: str) -> TwelveError:
    """The error behind the server's last line: an exit code and a sentence."""
    code, _, sentence = word.partition(" ")
    if not code.isdecimal():
        return PlatformError("The server ended before it was ready.", hint="`twelve server` shows why.")
    kinds = {kind.exit_code: kind for kind in all_errors().values()}
    return kinds.get(int(code), PlatformError)(sentence)


def wait_for_the_other(client: Client) -> None:
    """A server that somebody else started a moment ago, and that does not answer yet."""
    deadline = time.monotonic() + OTHERS_DEADLINE
    while not client.is_running():
        if time.monotonic() > deadline:
            raise ServerUnreachable("A twelve server runs here but does not answer.", hint="`twelve down` ends it.")
        time.sleep(0.1)
