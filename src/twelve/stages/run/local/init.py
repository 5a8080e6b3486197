"""What bubblewrap does for a process, where bubblewrap is refused: an init above it, and its status on file.

Run as a program of its own, with the standard library only, it speaks bubblewrap's protocol: `child-pid` and
`exit-code` go to descriptor 3, what to do comes from descriptor 4. The outer process ends when the first process of
the app does; the init, made the parent of every orphan below it, ends when the last one has.
"""

import ctypes
import json
import os
import sys
from typing import Any

STATUS_FD, ARGUMENTS_FD = 3, 4
PR_SET_CHILD_SUBREAPER = 36
KILLED, NOT_EXECUTABLE, NOT_FOUND = 137, 126, 127


def main() -> int:
    with open(ARGUMENTS_FD, "rb") as file:
        work = json.load(file)
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
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    os.close(STATUS_FD)
    app = os.fork()
    if app == 0:
        os.close(tell)
        os._exit(_become(work))
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


def _become(work: dict[str, Any]) -> int:
    try:
        if work["landlock"]:
            _restrict(work)
        os.chdir(work["cwd"])
        os.execve(work["argv"][0], work["argv"], work["env"])  # noqa: S606 - argv is the shell
    except FileNotFoundError:
        status = NOT_FOUND
    except OSError:
        status = NOT_EXECUTABLE
    sys.stderr.write(f"{work['argv'][0]} could not be started\n")
    return status


def _restrict(work: dict[str, Any]) -> None:
    sys.path.append(work["landlock"])
    import landlockpy  # noqa: PLC0415 - found beside the platform, and only when it is wanted

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


def _report(fact: dict[str, int]) -> None:
    os.write(STATUS_FD, f"{json.dumps(fact)}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
