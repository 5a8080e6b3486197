"""Factor IV, observed: another server behind the URL is simply used, and a server that comes back is found again."""

import contextlib
import http.client
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.patience import until
from twelve.audit.probes.ports import asked, main_process
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.relay import Relay
from twelve.audit.probes.throwaway import answers
from twelve.audit.probes.trial import EXTRA, Trial
from twelve.core.errors import TwelveError
from twelve.core.model import Process, Resource
from twelve.infra import procfs

PROBES = Probebook()
BACK = 10.0  # seconds after the service's return
SOON = 5.0
ELSEWHERE = "url"  # a server of somebody else: there is no second one, and nobody here may stop it


@PROBES.asks(
    "TF04-live-swap", Severity.ERROR, "Another service behind the URL is used without a change of code.",
    fix="Take the whole address of each service from the environment, each time the process starts.",
)  # fmt: skip
def uses_what_it_is_given(trial: Trial) -> Saw:
    """One more process is given a second, empty service, by way of a relay that counts who comes.

    Only services it uses on its own count: those it goes to with the same relay before its present ones.
    """
    used, unused = _by_use(trial)
    if not used:
        raise CannotTell(_told_of_none(trial, unused))
    ignored = [resource.provider for kind, resource in used if not _takes_a_second(trial, kind, resource)]
    if ignored:
        return Saw(False, f"It was given the URL of another {', '.join(ignored)}, and never connected to it.")
    told = ", ".join(f"{resource.provider} ({kind})" for kind, resource in used)
    return Saw(True, f"It was given the URL of another, empty {told}, and connected there.{_untried(trial, unused)}")


@PROBES.asks(
    "TF04-live-down", Severity.WARNING, "It outlives the death of a service and finds it again.",
    fix="Reconnect when a connection has broken; answer with an error meanwhile, and do not exit.",
)  # fmt: skip
def outlives_its_services(trial: Trial) -> Saw:
    process = main_process(trial)
    used, unused = _by_use(trial)
    resources = [*(resource for _, resource in used), *unused]
    names = ", ".join(sorted({resource.provider for resource in resources}))
    began = time.monotonic()
    _bring_down(trial, resources)
    back = time.monotonic()
    until(lambda: answers(trial.platform))  # its state is in one of them
    if not until(lambda: _serves(trial, process), BACK):
        return Saw(False, f"{names} went down and came back; {process.name} did not serve within {BACK:.0f} s of that.")
    ended = [
        event for at, event in trial.events if at > began and event.kind == "exited" and event.process.number < EXTRA
    ]
    if len(ended) > 1:
        return Saw(False, f"{names} went down and came back; processes of the app exited {len(ended)} times meanwhile.")
    if not used:
        raise CannotTell(f"{_told_of_none(trial, unused)} That it went on without them says nothing.")
    found = f"{process.name} served again {time.monotonic() - back:.1f} s after its return"
    return Saw(True, f"{names} went down; {found}.{_untried(trial, unused)}")


def _by_use(trial: Trial) -> tuple[list[tuple[str, Resource]], list[Resource]]:
    """Services with the process type that goes to them on its own, and those that none goes to; found out once."""
    process = main_process(trial)
    every = trial.platform.resources.list(trial.app.id)
    attached = [one for one in every if one.provider != ELSEWHERE]
    if not attached:
        raise CannotTell("No service is attached that could be exchanged or stopped.")
    kinds = dict.fromkeys([process.type, *(one.type for one in trial.processes() if one.state == "up")])
    for resource in attached:
        if resource.id not in trial.users:
            goes = (kind for kind in kinds if _is_used(trial, kind, resource, resource.details))
            trial.users[resource.id] = next(goes, "")
    used = [(kind, resource) for resource in attached if (kind := trial.users[resource.id])]
    return used, [resource for resource in attached if not trial.users[resource.id]]


def _told_of_none(trial: Trial, unused: Sequence[Resource]) -> str:
    return f"It went to none of its services ({_names(unused)}) on its own, {_moments(trial)}."


def _untried(trial: Trial, unused: Sequence[Resource]) -> str:
    return f" Not tried: {_names(unused)}, which it did not go to, {_moments(trial)}." if unused else ""


def _names(resources: Sequence[Resource]) -> str:
    return ", ".join(dict.fromkeys(one.provider for one in resources))


def _moments(trial: Trial) -> str:
    return f"neither when {' or '.join(sorted({one.type for one in trial.processes()}))} started nor for GET /"


def _takes_a_second(trial: Trial, kind: str, resource: Resource) -> bool:
    provider = trial.platform.providers[resource.provider]
    second = provider.create(f"{resource.name}-second")
    try:
        return _is_used(trial, kind, resource, second)
    finally:
        with contextlib.suppress(TwelveError):  # the trial's end takes it away as well
            provider.destroy(second)


def _bring_down(trial: Trial, resources: Sequence[Resource]) -> None:
    """Kill their servers, and wait until the platform has started each again. One that lives in the platform's own
    process cannot be killed alone: it is stopped and started.
    """
    providers = {one.provider: trial.platform.providers[one.provider] for one in resources}
    inside = [name for name, provider in providers.items() if not provider.processes()]
    killed = {server.pid for provider in providers.values() for server in provider.processes()}
    for pid in killed.union(*map(procfs.descendants, killed)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for name in inside:
        providers[name].stop()
        providers[name].ensure_running([one.details for one in resources if one.provider == name])

    def fresh() -> set[int]:
        return {server.pid for provider in providers.values() for server in provider.processes()} - killed

    until(lambda: len(fresh()) >= len(killed), BACK)


def _is_used(trial: Trial, kind: str, resource: Resource, details: Mapping[str, str]) -> bool:
    """Whether one more process of a type, with the relay's address for the resource, comes to the relay."""
    with Relay() as relay:
        changes = by_way_of(relay, trial, resource, details)
        spec = trial.one_more(kind)
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
    moved = {key: relay.instead_of(value) for key, value in changes.items()}
    return {key: relay.port if key.endswith("_PORT") else value for key, value in moved.items()}


def _serves(trial: Trial, process: Process) -> bool:
    now = next((one for one in trial.processes() if one.id == process.id), None)
    if now is None or now.state != "up":
        return False
    if now.port is None or now.type != "web":
        return bool(watch.members(now))
    with contextlib.suppress(OSError, http.client.HTTPException):
        return trial.ask(now.port).status < 500
    return False
