"""Factors VII and VIII, observed: any port it is given, several at a time, in the foreground."""

import http.client

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.patience import until
from twelve.audit.probes.probe import NOT_RUNNING, CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial
from twelve.core.errors import BootTimeout, TwelveError
from twelve.core.model import Process
from twelve.stages.run.local import tree

PROBES = Probebook()
MANY = 3
SETTLED = 10.0  # seconds, until those of before have gone


@PROBES.asks(
    "TF07-live-port",
    Severity.ERROR,
    "It serves on the port that $PORT names.",
    fix="Listen on $PORT, on 0.0.0.0 or ::.",
)
def serves_on_its_port(trial: Trial) -> Saw:
    if trial.failed_by == BootTimeout.id:
        return Saw(False, f"It started, and {trial.failure}", "twelve up")
    if trial.failure:
        raise CannotTell(f"{NOT_RUNNING}: {trial.failure}")
    (process, *_) = web_of(trial)
    answer = asked(trial, process.port or 0)
    return Saw(
        True,
        f"{process.name} was given PORT={process.port}, listened there from its own processes, and answered "
        f"GET / with {answer}.",
        "twelve up; twelve ps",
    )


@PROBES.asks(
    "TF07-live-two-ports", Severity.ERROR, "Two instances serve on two ports at the same time.",
    fix="Take the port from $PORT alone, and keep nothing exclusive on the machine.",
)  # fmt: skip
def two_at_a_time(trial: Trial) -> Saw:
    return _scaled(trial, 2)


@PROBES.asks(
    "TF08-live-scale", Severity.ERROR, "Several instances run side by side.",
    fix="Keep no lock, port or file that only one instance can have.",
)  # fmt: skip
def scales_out(trial: Trial) -> Saw:
    return _scaled(trial, MANY)


@PROBES.asks(
    "TF08-live-foreground", Severity.ERROR, "It runs in the foreground, with its children below it.",
    fix="Start it without daemonising: no fork and exit, no nohup, no &.",
)  # fmt: skip
def stays_in_the_foreground(trial: Trial) -> Saw:
    for process in trial.processes():
        pids = watch.members(process)
        if not pids:
            return Saw(False, f"The first process of {process.name} has ended.")
        strays = [pid for pid in pids[1:] if tree.parent(pid) not in pids]
        if strays:
            return Saw(False, f"{process.name} left {watch.program(strays[0])} behind without a parent.")
    names = ", ".join(process.name for process in trial.processes())
    return Saw(True, f"The processes started for {names} are still the parents of all others.", "twelve ps")


def _scaled(trial: Trial, quantity: int) -> Saw:
    web_of(trial)
    try:
        trial.scale("web", quantity)
    except TwelveError as error:
        return Saw(False, f"`scale web={quantity}` failed: {error}", f"twelve scale web={quantity}")
    until(lambda: len(trial.web()) == quantity, SETTLED)
    ports = [process.port for process in trial.web()]
    answers = [asked(trial, port or 0) for port in ports]
    trial.scale("web", 1)
    told = ", ".join(f"{port} answered {answer}" for port, answer in zip(ports, answers, strict=True))
    return Saw(
        len(ports) == quantity, f"{len(ports)} instances at the same time: {told}.", f"twelve scale web={quantity}"
    )


def web_of(trial: Trial) -> list[Process]:
    if not (found := trial.web()):
        raise CannotTell(f"There is no web process that is up. {trial.unserved}".strip())
    return found


def main_process(trial: Trial) -> Process:
    """A web process where there is one."""
    found = trial.web() or [process for process in trial.processes() if process.state == "up"]
    if not found:
        raise CannotTell(f"No process is up. {trial.unserved}".strip())
    return found[0]


def asked(trial: Trial, port: int, path: str = "/") -> str:
    """The status, or what came instead of an answer."""
    try:
        return str(trial.ask(port, path).status)
    except (OSError, http.client.HTTPException) as error:
        return f"nothing ({type(error).__name__})"
