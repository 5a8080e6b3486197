"""All probes, asked of one trial: gently first, the violent last. Bounded in time; what cannot be asked says why."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from twelve.audit.model import Observation
from twelve.audit.probes import (
    builds,
    config,
    disposability,
    jobs,
    logs,
    models,
    ports,
    programs,
    services,
    stateless,
    tamper,
)
from twelve.audit.probes.probe import NOT_RUNNING, Probe
from twelve.audit.probes.rehearsal import prepare
from twelve.audit.probes.trial import Trial, trial
from twelve.core.errors import PlatformError

BOOKS = (builds, config, ports, stateless, logs, models, tamper, disposability, jobs, services, programs)
NO_SANDBOX = "none"
LONGEST = 600.0  # seconds for all of them
NEEDS_NO_START = {"TF02-live-clean-build", "TF07-live-port"}
Progress = Callable[[str], None]


def all_probes() -> list[Probe]:
    return [probe for book in BOOKS for probe in book.PROBES.probes]


def observe(
    codebase: Path, say: Progress, longest: float = LONGEST, *, without: Collection[str] = ()
) -> list[Observation]:
    """`without`: items that do not apply to the app, of which nothing is asked."""
    say("Starting a throw-away platform")
    with trial(codebase) as tried:
        _only_confined(tried, say)
        say("Building, releasing and starting the app")
        tried.deploy()
        if not tried.failure:
            prepare(tried, say)
        wanted = [probe for probe in all_probes() if probe.item not in without]
        return list(_asked(tried, wanted, say, time.monotonic() + longest))


def _only_confined(tried: Trial, say: Progress) -> None:
    """Nobody knows what the code does: without a sandbox it runs only where somebody has asked for none."""
    engine, settings = tried.platform.engine, tried.platform.settings
    if not engine.confined and settings.sandbox != NO_SANDBOX:
        raise PlatformError(
            f"The app is not run here: {engine.weakness}.",
            hint=f"Leave out --live, or set TWELVE_SANDBOX={NO_SANDBOX} for code that you trust.",
        )
    say(f"The app runs in the platform's sandbox{f', which is weak: {engine.weakness}' if engine.weakness else ''}")


def _asked(tried: Trial, wanted: Sequence[Probe], say: Progress, end: float) -> Iterator[Observation]:
    for probe in wanted:
        if tried.failure and probe.id not in NEEDS_NO_START:
            yield probe.unasked(f"{NOT_RUNNING}: {tried.failure}")
        elif time.monotonic() > end:
            yield probe.unasked("The time for all probes was over.")
        else:
            say(f"{probe.id}: {probe.title}")
            yield probe.observe(tried)
