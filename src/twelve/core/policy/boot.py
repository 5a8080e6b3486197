"""What a process must pass before it is up, and what is watched after that."""

from collections.abc import Iterable
from dataclasses import replace

from twelve.core.model import HealthCheck

ROUTED = "web"
READINESS, LIVENESS = LATER = ("readiness", "liveness")
STARTUP_WAIT = 0.25  # seconds between two tries
LATER_WAIT = 5.0
LATER_ATTEMPTS = 3
ALIVE = 2.0  # seconds a process that binds no port must live


def startup_checks(
    type_: str, checks: Iterable[HealthCheck] = (), *, routed: bool | None = None
) -> tuple[HealthCheck, ...]:
    """All of them must pass. `attempts` None means: until the boot timeout.

    A routed type first has to accept on $PORT; any other without a check of its own has to stay alive for 2 s.
    """
    own = [check for check in checks if check.type == "startup"]
    if routed is None:
        routed = type_ == ROUTED
    if routed:
        own = [HealthCheck(listening=True), *(check for check in own if not check.listening)]
    return tuple(_filled(type_, check) for check in own or [HealthCheck(uptime=ALIVE)])


def later_checks(checks: Iterable[HealthCheck]) -> tuple[HealthCheck, ...]:
    """Those of a process that is up.

    Readiness failing `attempts` times in a row takes it out of the router, one pass brings it back; liveness failing so
    often ends it, and it starts again.
    """
    return tuple(check for check in checks if check.type in LATER)


def all_checks(type_: str, checks: Iterable[HealthCheck]) -> tuple[HealthCheck, ...]:
    """What app.json says of a process type, with every default filled in."""
    wishes = tuple(checks)
    return startup_checks(type_, wishes) + tuple(_filled(type_, check) for check in later_checks(wishes))


def described(check: HealthCheck) -> str:
    """What a check does, in the words of an error."""
    if check.path is not None:
        return f"GET {check.path}"
    if check.command:
        return " ".join(check.command)
    return "accepts on $PORT" if check.listening else f"alive for {check.uptime:g} s"


def _filled(type_: str, check: HealthCheck) -> HealthCheck:
    startup = check.type == "startup"
    wait = STARTUP_WAIT if startup else LATER_WAIT
    attempts = None if startup else LATER_ATTEMPTS
    return replace(
        check,
        name=check.name or f"{type_}: {described(check)}",
        wait=wait if check.wait is None else check.wait,
        attempts=attempts if check.attempts is None else check.attempts,
    )
