"""What bubblewrap does for a process, where bubblewrap is refused: an init above it, and its status on file.

Run as a program of its own, with the standard library only, by stages/run/local/starter.py: a start is a message on
descriptor 3, and a fork here. So an interpreter begins once, and its memory is shared by all. What is forked then
speaks bubblewrap's protocol: `child-pid` and `exit-code` go to the status file. The outer process ends when the first
process of the app does; the init, made the parent of every orphan below it, ends when the last one has.
"""

import contextlib
import ctypes
import gc
import json
import os
import signal
import socket
import sys
from typing import Any

CALLS_FD, STATUS_FD = 3, 4
STREAMS = 4  # descriptors of a start: stdin, output, status, what to do
LONGEST_CALL = 1 << 16
PR_SET_CHILD_SUBREAPER = 36
KILLED, NOT_EXECUTABLE, NOT_FOUND = 137, 126, 127
C = ctypes.CDLL(None)


def main() -> int:
    """Until the server closes the other end, by its death if need be. What was forked goes on."""
    calls = socket.socket(fileno=CALLS_FD)
    if len(sys.argv) > 1:
        sys.path.append(sys.argv[1])
        import landlockpy  # noqa: F401, PLC0415 - found beside the platform; loaded once for all
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits here: how a process ended is on file
    gc.collect()
    gc.freeze()  # no collection writes into the pages we share
    while True:
        call, descriptors, _, _ = socket.recv_fds(calls, LONGEST_CALL, STREAMS)
        if not call:
            return 0
        calls.send(json.dumps(_forked(json.loads(call), descriptors)).encode())
        for descriptor in descriptors:
            os.close(descriptor)


def _forked(call: dict[str, Any], descriptors: list[int]) -> dict[str, int]:
    try:
        pid = os.fork()
    except OSError as error:
        return {"errno": error.errno or 0}
    if pid == 0:
        status = KILLED
        try:
            status = _be_outer(call, descriptors)
        finally:
            os._exit(status)
    return {"pid": pid}


def _be_outer(call: dict[str, Any], descriptors: list[int]) -> int:
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    _carry(call["variable"], call["id"])
    with open(descriptors[3], "rb", closefd=False) as file:
        work = json.load(file)
    for descriptor, place in zip(descriptors, (0, 1, STATUS_FD), strict=False):
        os.dup2(descriptor, place, inheritable=place != STATUS_FD)
    os.dup2(1, 2)
    os.close(CALLS_FD)
    os.closerange(STATUS_FD + 1, max(descriptors) + 1)
    for group in call["groups"]:
        with contextlib.suppress(OSError):
            _join(group)
    return _watch(work)


def _join(group: str) -> None:
    members = os.open(group, os.O_WRONLY)
    try:
        os.write(members, b"0")
    finally:
        os.close(members)


def _watch(work: dict[str, Any]) -> int:
    ended, tell = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(ended)
        _be_init(work, tell)
    os.close(tell)
    _report({"child-pid": init})
    first = os.read(ended, 1)
    status = first[0] if first else KILLED
    _report({"exit-code": status})
    return status


def _be_init(work: dict[str, Any], tell: int) -> None:
    C.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.close(STATUS_FD)
    try:
        app = _begin(work)
    except OSError as error:
        os.write(2, f"{work['argv'][0]} could not be started\n".encode())
        os.write(tell, bytes([NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE]))
        os._exit(0)
    _let_go_of_streams()
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(0)
        if pid == app:
            code = os.waitstatus_to_exitcode(status)
            os.write(tell, bytes([code if code >= 0 else 128 - code]))
            os.close(tell)


def _begin(work: dict[str, Any]) -> int:
    os.chdir(work["cwd"])
    if not work["landlock"]:  # nothing is copied, not even for a moment
        return os.posix_spawn(work["argv"][0], work["argv"], work["env"])
    app = os.fork()
    if app == 0:
        try:
            _restrict(work)
            os.execve(work["argv"][0], work["argv"], work["env"])  # noqa: S606 - argv is the shell
        finally:
            os._exit(NOT_EXECUTABLE)
    return app


def _restrict(work: dict[str, Any]) -> None:
    import landlockpy  # noqa: PLC0415 - only where it is wanted

    access, scope = landlockpy.AccessFS, landlockpy.Scope
    read = access.READ_FILE | access.READ_DIR | access.EXECUTE
    everything = landlockpy.fs_for_abi(landlockpy.abi_version())
    with landlockpy.Ruleset(handled_net=landlockpy.AccessNet.NONE, scoped=scope.SIGNAL) as rules:
        for path in filter(os.path.exists, work["read"]):
            rules.allow_path(path, read)
        for path in filter(os.path.exists, work["write"]):
            rules.allow_path(path, everything if os.path.isdir(path) else _of_a_file(access))  # noqa: PTH112 - small
        rules.restrict()


def _of_a_file(access: Any) -> Any:
    return access.READ_FILE | access.WRITE_FILE | access.TRUNCATE | access.IOCTL_DEV


def _let_go_of_streams() -> None:
    """The app alone holds its output, so a reader sees its end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)


def _carry(variable: str, process: str) -> None:
    """Write the id over the blank one we were started with: /proc/PID/environ then tells whose we are."""
    marker = f"{variable}=".encode()
    entries = ctypes.POINTER(ctypes.c_void_p).in_dll(C, "environ")
    place = 0
    while (address := entries[place]) is not None:
        if ctypes.string_at(address).startswith(marker):
            ctypes.memmove(address + len(marker), process.encode(), len(process))
        place += 1


def _report(fact: dict[str, int]) -> None:
    os.write(STATUS_FD, f"{json.dumps(fact)}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
