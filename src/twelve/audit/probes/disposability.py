"""Factor IX, observed: how soon it serves, how it ends, and that a sudden death does it no harm."""

import contextlib
import os
import signal
import socket
import time

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.patience import until
from twelve.audit.probes.ports import main_process
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import NAME, Trial, in_background
from twelve.core.model import Process

PROBES = Probebook()
QUICK, LONGEST_BOOT = 10.0, 60.0  # seconds
IN_TIME = 10.0
HALF, REST = b"half=", b"whole"


@PROBES.asks(
    "TF09-live-startup", Severity.WARNING, "It takes requests within 10 s of its start.",
    fix="Do at start only what every request needs; leave migrations to the release phase.",
)  # fmt: skip
def starts_quickly(trial: Trial) -> Saw:
    booted = [(seconds, one.name) for one in trial.processes() if (seconds := boot_seconds(trial, one)) is not None]
    if not booted:
        raise CannotTell("No process came up.")
    seconds, name = max(booted)
    return Saw(seconds <= QUICK, f"{name} was up {seconds:.1f} s after its start, the slowest of all.", "twelve logs")


@PROBES.asks(
    "TF09-live-sigterm", Severity.ERROR, "SIGTERM ends it within 10 s.",
    fix="Handle SIGTERM: stop accepting, finish what is open, exit.",
)  # fmt: skip
def ends_on_sigterm(trial: Trial) -> Saw:
    told = []
    for kind in sorted({process.type for process in trial.processes()}):
        process = _one_more(trial, kind)
        seconds = _seconds_to_stop(trial, process)
        told.append((seconds, f"{kind} ended {seconds:.1f} s after SIGTERM"))
    if not told:
        raise CannotTell("No process is up.")
    worst = max(told)
    return Saw(worst[0] <= IN_TIME, "; ".join(text for _, text in told) + ".", "twelve restart; twelve logs")


@PROBES.asks(
    "TF09-live-inflight", Severity.ERROR, "A request that is open at SIGTERM is finished.",
    fix="After SIGTERM, close the listener and finish open requests before exiting.",
)  # fmt: skip
def finishes_what_is_open(trial: Trial) -> Saw:
    """The second half of a request's body comes a second after SIGTERM."""
    process = _one_more(trial, "web")
    with socket.create_connection(("127.0.0.1", process.port or 0), IN_TIME) as request:
        length = len(HALF + REST)
        head = f"POST / HTTP/1.1\r\nHost: {NAME}.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        request.sendall(f"{head}Content-Length: {length}\r\nConnection: close\r\n\r\n".encode() + HALF)
        if _answered(request, 1.0):
            trial.platform.engine.stop([process.id])
            raise CannotTell("It answers POST / before it has read the request, so none could be kept open.")
        stopping = in_background(lambda: trial.platform.engine.stop([process.id]), "stop")
        time.sleep(1.0)
        with contextlib.suppress(OSError):
            request.sendall(REST)
        answer = _answered(request, IN_TIME)
    stopping.join()
    line = answer.split(b"\r\n")[0].decode(errors="replace")
    if answer.startswith(b"HTTP/"):
        return Saw(True, f"A request whose body ended 1 s after SIGTERM was answered: {line}.")
    return Saw(False, "A request that was open at SIGTERM got no answer.")


@PROBES.asks(
    "TF09-live-kill9", Severity.ERROR, "After a sudden death it starts again.",
    fix="Leave no lock or pid file that a next start trips over.",
)  # fmt: skip
def survives_sudden_death(trial: Trial) -> Saw:
    process = main_process(trial)
    ups = _ups(trial, process)
    for pid in reversed(watch.members(process)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    if not until(lambda: _ups(trial, process) > ups, LONGEST_BOOT):
        return Saw(
            False, f"{process.name} was killed with SIGKILL and did not come up again within {LONGEST_BOOT:.0f} s."
        )
    return Saw(
        True, f"{process.name} was killed with SIGKILL and was up again {time.monotonic() - killed:.1f} s later."
    )


def boot_seconds(trial: Trial, process: Process) -> float | None:
    began = next(
        (at for at, event in trial.events if event.process.id == process.id and event.kind == "starting"), None
    )
    up = next((at for at, event in trial.events if event.process.id == process.id and event.kind == "up"), None)
    return None if began is None or up is None else up - began


def _ups(trial: Trial, process: Process) -> int:
    return sum(event.process.id == process.id and event.kind == "up" for _, event in list(trial.events))


def _one_more(trial: Trial, kind: str) -> Process:
    """One more process of a type, out of service: what happens to it disturbs nobody."""
    spec = trial.one_more(kind)
    trial.platform.engine.start([spec])
    (result,) = trial.platform.engine.wait_up([spec.id])
    if result.kind != "up":
        trial.platform.engine.stop([spec.id])
        raise CannotTell(f"One more {kind} process did not come up: {result.detail or result.kind}.")
    return result.process


def _seconds_to_stop(trial: Trial, process: Process) -> float:
    began = time.monotonic()
    trial.platform.engine.stop([process.id])
    return time.monotonic() - began


def _answered(request: socket.socket, seconds: float) -> bytes:
    request.settimeout(seconds)
    try:
        return request.recv(65536)
    except OSError:
        return b""
