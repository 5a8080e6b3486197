"""The least a log merger can do: start the commands of a Procfile, merge their lines, stamp and prefix each, keep none.

`python epoll_reader.py PROCFILE >OUT`. A yardstick in forty lines, not a supervisor: no restarts, no boot checks, no
state. SIGTERM is passed on to every child's session.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path


def main() -> None:
    epoll = select.epoll()
    children, carries, names = [], {}, {}
    for line in Path(sys.argv[1]).read_text().splitlines():
        name, _, command = line.partition(": ")
        child = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], stdout=subprocess.PIPE, start_new_session=True)
        children.append(child)
        pipe = child.stdout.fileno()
        epoll.register(pipe, select.EPOLLIN)
        carries[pipe], names[pipe] = b"", f"app[{name}]: ".encode()
    signal.signal(signal.SIGTERM, lambda *_: [send(child.pid) for child in children])
    while carries:
        for pipe, _ in epoll.poll():
            data = os.read(pipe, 1 << 16)
            if not data:
                epoll.unregister(pipe)
                del carries[pipe]
                continue
            *whole, carries[pipe] = (carries[pipe] + data).split(b"\n")
            prefix = datetime.now(UTC).isoformat(timespec="microseconds").encode() + b" " + names[pipe]
            if whole:
                os.write(1, prefix + (b"\n" + prefix).join(whole) + b"\n")
    for child in children:
        child.wait()


def send(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)


if __name__ == "__main__":
    main()
