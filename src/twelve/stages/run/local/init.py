"""What bubblewrap does for a process, where bubblewrap is refused: an init above it, and its status on file.

Run as a program of its own, with the standard library only, by stages/run/local/starter.py: a start is a message on
descriptor 3, and a fork here. An interpreter begins once, and its memory is shared by all; what a fork touches of it is
copied, so little is imported, and what can be done before the fork is. What is forked is the init of one process: made
the parent of every orphan below it, it ends when the last one has. Like bubblewrap it writes `child-pid`, which is
itself, and `exit-code` to the status file; and `first-pid`, the process whose exit that is.
"""

import _signal as signal  # type: ignore[import-not-found] # without enum: a fifth of the memory of each init
import _socket as socket
import ctypes
import gc
import marshal
import os
import sys

TYPE_CHECKING = False  # nor typing
if TYPE_CHECKING:
    from typing import Any

CALLS_FD = 3
LONGEST_CALL = 1 << 16
SPACE = socket.CMSG_SPACE(5 * 4)  # descriptors of a start: stdin, output, status, what to do, and where to answer
PR_SET_CHILD_SUBREAPER = 36
KILLED, NOT_EXECUTABLE, NOT_FOUND = 137, 126, 127
C = ctypes.CDLL(None, use_errno=True)
PRCTL, MEMMOVE = C.prctl, ctypes.memmove  # looked up once, before all forks
FORK = C.fork  # without the hooks of modules that Landlock's imports: each writes into pages, and none matters here


def main() -> int:
    """Until the server closes the other end, by its death if need be. What was forked goes on."""
    calls = socket.socket(fileno=CALLS_FD)
    os.set_inheritable(CALLS_FD, False)
    variable, landlock = sys.argv[1:]
    if landlock:
        sys.path.append(landlock)
        import landlockpy  # noqa: F401, PLC0415 - found beside the platform; loaded once for all
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits here: how a process ended is on file
    place = _place_of(variable)
    gc.disable()
    gc.collect()
    gc.freeze()  # no collection writes into the pages we share
    while True:
        call, beside, _, _ = calls.recvmsg(LONGEST_CALL, SPACE, socket.MSG_CMSG_CLOEXEC)
        if not call:
            return 0
        descriptors = [*memoryview(beside[0][2]).cast("i")]
        process, groups = marshal.loads(call)  # noqa: S302 - from our own parent
        _fork(process, groups, descriptors, place)
        for descriptor in descriptors:
            os.close(descriptor)


def _fork(process: bytes, groups: "tuple[str, ...]", descriptors: "list[int]", place: int) -> None:
    stdin, output, status, arguments, answer = descriptors
    work = marshal.loads(os.pread(arguments, os.fstat(arguments).st_size, 0))  # noqa: S302 - from our own parent
    pid = FORK()
    if pid < 0:
        os.write(answer, b"-%d" % ctypes.get_errno())
        return
    if pid == 0:
        try:
            MEMMOVE(place, process, len(process))
            _be_init(work, groups, stdin, output, status, answer)
        finally:
            os._exit(KILLED)


def _be_init(
    work: "dict[str, Any]", groups: "tuple[str, ...]", stdin: int, output: int, status: int, answer: int
) -> None:
    os.close(CALLS_FD)
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    PRCTL(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for group in groups:
        _join(group)
    code, first = _begun(work, stdin, output)
    os.write(status, b'{"child-pid": %d, "first-pid": %d}\n' % (os.getpid(), first))
    os.write(answer, b"%d" % first)
    for descriptor in (stdin, output, answer):  # the app alone holds its output, so a reader sees its end
        os.close(descriptor)
    if code is None:
        _outlive(first, status)
    else:
        _report(code, status)
    os._exit(0)


def _join(group: str) -> None:
    try:
        members = os.open(group, os.O_WRONLY)
    except OSError:
        return
    try:
        os.write(members, b"0")
    except OSError:
        pass
    finally:
        os.close(members)


def _begun(work: "dict[str, Any]", stdin: int, output: int) -> "tuple[int | None, int]":
    """Without a status while it runs. What could not be started has ended, and we stand for it."""
    streams = [(stdin, 0), (output, 1), (output, 2)]
    try:
        os.chdir(work["cwd"])
        if work["landlock"]:
            return None, _restricted(work, streams)
        actions = [(os.POSIX_SPAWN_DUP2, *pair) for pair in streams]
        return None, os.posix_spawn(work["argv"][0], work["argv"], work["env"], file_actions=actions)
    except OSError as error:
        os.write(output, f"{work['argv'][0]} could not be started\n".encode())
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE, os.getpid()


def _restricted(work: "dict[str, Any]", streams: "list[tuple[int, int]]") -> int:
    app = os.fork()
    if app == 0:
        try:
            for descriptor, place in streams:
                os.dup2(descriptor, place)
            _restrict(work)
            os.execve(work["argv"][0], work["argv"], work["env"])  # noqa: S606 - argv is the shell
        finally:
            os._exit(NOT_EXECUTABLE)
    return app


def _outlive(first: int, status: int) -> None:
    """Until the last orphan has ended."""
    while True:
        try:
            pid, ended = os.wait()
        except ChildProcessError:
            return
        if pid == first:
            code = os.waitstatus_to_exitcode(ended)
            _report(code if code >= 0 else 128 - code, status)


def _report(code: int, status: int) -> None:
    os.write(status, b'{"exit-code": %d}\n' % code)
    os.close(status)


def _restrict(work: "dict[str, Any]") -> None:
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


def _of_a_file(access: "Any") -> "Any":
    return access.READ_FILE | access.WRITE_FILE | access.TRUNCATE | access.IOCTL_DEV


def _place_of(variable: str) -> int:
    """Where the blank id is that we were started with. Written over, /proc/PID/environ tells whose a fork is."""
    marker = f"{variable}=".encode()
    entries = ctypes.POINTER(ctypes.c_void_p).in_dll(C, "environ")
    at = 0
    while (address := entries[at]) is not None:
        if ctypes.string_at(address).startswith(marker):
            return int(address) + len(marker)
        at += 1
    raise LookupError(variable)


if __name__ == "__main__":
    sys.exit(main())
