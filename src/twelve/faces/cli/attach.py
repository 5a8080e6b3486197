"""This terminal on a process of the app: bytes both ways over a websocket, the window's size, and the exit status.

Binary frames are raw bytes. Text frames are JSON: we say {"resize": [columns, rows]} and {"eof": true}, the server
says {"exit": N} last.
"""

import contextlib
import json
import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from twelve.core.errors import PlatformError, ServerUnreachable
from twelve.faces.cli.client import Client, local_path
from twelve.faces.cli.screen import terminal_size

PROTOCOL = Subprotocol("twelve-attach")
LOST = "The connection to the process was lost; its fate is in `twelve logs`."
CHUNK = 65536


def attach(client: Client, url: str, *, terminal: bool) -> int:
    """Returns the exit status of the process."""
    with opened(client, url) as socket, raw_terminal() if terminal else contextlib.nullcontext(), wake_pipe() as wake:
        threading.Thread(target=send_input, args=(socket, wake), name="input", daemon=True).start()
        return show_output(socket)


@contextlib.contextmanager
def opened(client: Client, url: str) -> Iterator[ClientConnection]:
    own = {"Authorization": f"Bearer {client.token()}"}
    address = f"ws://127.0.0.1:{client.settings.api_port}{local_path(url)}"
    try:
        with connect(
            address, subprotocols=[PROTOCOL], additional_headers=own, compression=None, max_size=None, proxy=None
        ) as socket:
            yield socket
    except (OSError, InvalidHandshake) as error:
        raise PlatformError(f"The process cannot be attached to: {error}.") from error


def show_output(socket: ClientConnection) -> int:
    try:
        for frame in socket:
            if isinstance(frame, bytes):
                write_all(sys.stdout.fileno(), frame)
            elif (status := json.loads(frame).get("exit")) is not None:
                return int(status)
    except ConnectionClosed:
        pass
    raise ServerUnreachable(LOST)


def write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def send_input(socket: ClientConnection, wake: int) -> None:
    """Until the end of our input: what is typed, and the window's new size whenever `wake` has a byte."""
    source = sys.stdin.fileno()
    with contextlib.suppress(ConnectionClosed):
        while True:
            ready, _, _ = select.select([source, wake], [], [])
            if wake in ready:
                os.read(wake, CHUNK)
                socket.send(json.dumps({"resize": window()}))
            if source in ready:
                data = read_input(source)
                if not data:
                    socket.send(json.dumps({"eof": True}))
                    return
                socket.send(data)


def read_input(source: int) -> bytes:
    """b"" at the end, and for a terminal that is gone."""
    try:
        return os.read(source, CHUNK)
    except OSError:
        return b""


def window() -> list[int]:
    size = terminal_size()
    return [size.columns, size.lines]


@contextlib.contextmanager
def raw_terminal() -> Iterator[None]:
    """Every key goes to the process, Ctrl-C too; the terminal is as before afterwards."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)  # what was typed ahead is kept
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextlib.contextmanager
def wake_pipe() -> Iterator[int]:
    """A descriptor with a byte to read whenever the window has another size: a signal handler must not send itself."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def resized(_number: int, _frame: Any) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(writing, b"w")

    before = signal.signal(signal.SIGWINCH, resized)
    try:
        yield reading
    finally:
        signal.signal(signal.SIGWINCH, before)
        os.close(writing)
