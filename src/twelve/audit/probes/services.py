"""Factor IV, observed: another server behind the URL is simply used, and a server that comes back is found again."""

import contextlib
import http.client
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import replace

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.ports import asked, main_process
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.relay import Relay
from twelve.audit.probes.trial import EXTRA, Trial, answers, until
from twelve.core.model import Process, Resource
from twelve.core.ports import PlatformProcess

PROBES = Probebook()
BACK = 10.0  # seconds after the service's return
SOON = 5.0
EXCHANGED = {"postgres", "redis"}


@PROBES.asks(
    "TF04-live-swap", Severity.ERROR, "Another service behind the URL is used without a change of code.",
    fix="Take the whole address of each service from the environment, each time the process starts.",
)  # fmt: skip
def uses_what_it_is_given(trial: Trial) -> Saw:
    """One more process is given a second, empty service, by way of a relay that counts who comes.

    Only services it uses on its own count: those it goes to with the same relay before its present ones.
    """
    process = main_process(trial)
    told = []
    for resource in _attached(trial):
        if not _is_used(trial, process, resource, resource.details):
            continue
        second = trial.platform.providers[resource.provider].create(f"{resource.name}-second")
        told.append((_is_used(trial, process, resource, second), resource.provider))
    if not told:
        raise CannotTell("It uses no service on its own, neither at its start nor for GET /, that could be exchanged.")
    ignored = [provider for used, provider in told if not used]
    if ignored:
        return Saw(
            False, f"{process.type} was given the URL of another {', '.join(ignored)}, and never connected to it."
        )
    used = ", ".join(provider for _, provider in told)
    return Saw(True, f"{process.type} was given the URL of another, empty {used}, and connected there.")


@PROBES.asks(
    "TF04-live-down", Severity.WARNING, "It outlives the death of a service and finds it again.",
    fix="Reconnect when a connection has broken; answer with an error meanwhile, and do not exit.",
)  # fmt: skip
def outlives_its_services(trial: Trial) -> Saw:
    process = main_process(trial)
    resources = _attached(trial)
    if not resources:
        raise CannotTell("No service is attached.")
    servers = [one for provider in {resource.provider for resource in resources} for one in _servers(trial, provider)]
    for server in servers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
    names = ", ".join(sorted({resource.provider for resource in resources}))
    began = time.monotonic()
    until(lambda: len({one.pid for one in _all_servers(trial)} - {one.pid for one in servers}) >= len(servers), BACK)
    back = time.monotonic()
    until(lambda: answers(trial.platform))  # its state is in one of them
    if not until(lambda: _serves(trial, process), BACK):
        return Saw(
            False, f"{names} was killed and came back; {process.name} did not serve within {BACK:.0f} s of that."
        )
    ended = [
        event for at, event in trial.events if at > began and event.kind == "exited" and event.process.number < EXTRA
    ]
    if len(ended) > 1:
        return Saw(
            False, f"{names} was killed and came back; processes of the app exited {len(ended)} times meanwhile."
        )
    return Saw(
        True, f"{names} was killed; {process.name} served again {time.monotonic() - back:.1f} s after its return."
    )


def _is_used(trial: Trial, process: Process, resource: Resource, details: Mapping[str, str]) -> bool:
    """Whether one more process, with the relay's address for the resource, comes to the relay."""
    with Relay() as relay:
        changes = by_way_of(relay, trial, resource, details)
        spec = trial.one_more(process.type)
        spec = replace(spec, env={**spec.env, **changes})
        trial.platform.engine.start([spec])
        try:
            (result,) = trial.platform.engine.wait_up([spec.id])
            if result.kind == "up" and result.process.port:
                asked(trial, result.process.port)
            return bool(until(lambda: relay.connections, SOON))
        finally:
            trial.platform.engine.stop([spec.id])


def by_way_of(relay: Relay, trial: Trial, resource: Resource, details: Mapping[str, str]) -> dict[str, str]:
    """The config vars of the resource's attachments, with the relay's port for the server's."""
    provider = trial.platform.providers[resource.provider]
    changes: dict[str, str] = {}
    for attachment in trial.platform.attachments.of_resource(resource.id):
        changes |= provider.config(attachment.name, details)
    return {key: relay.instead_of(value) for key, value in changes.items()}


def _attached(trial: Trial) -> list[Resource]:
    return [one for one in trial.platform.resources.list(trial.app.id) if one.provider in EXCHANGED]


def _servers(trial: Trial, provider: str) -> list[PlatformProcess]:
    return trial.platform.providers[provider].processes()


def _all_servers(trial: Trial) -> list[PlatformProcess]:
    return [one for provider in trial.platform.providers.values() for one in provider.processes()]


def _serves(trial: Trial, process: Process) -> bool:
    now = next((one for one in trial.processes() if one.id == process.id), None)
    if now is None or now.state != "up":
        return False
    if now.port is None or now.type != "web":
        return bool(watch.members(now))
    with contextlib.suppress(OSError, http.client.HTTPException):
        return trial.ask(now.port).status < 500
    return False
