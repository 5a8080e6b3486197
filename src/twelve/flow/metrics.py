"""Measured when somebody asks, and not before: what the front door, the engine and the metrics room know of apps."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from twelve.core.model import App, Process
from twelve.core.model.metrics import AppMetrics, Latency, PlatformMetrics, ProcessMetrics, Requests, Usage
from twelve.core.policy.limits import limits
from twelve.flow import start
from twelve.flow.platform import Platform
from twelve.infra import usage


def of_apps(platform: Platform) -> list[AppMetrics]:
    """All at once: one question to the front door, whatever the number of apps."""
    apps = platform.apps.list()
    requests, used = platform.router.requests(), platform.engine.usage()
    processes: dict[UUID, list[Process]] = {}
    for process in platform.engine.processes():
        processes.setdefault(process.app_id, []).append(process)
    return [_app(platform, app, requests.get(app.name, Requests()), processes.get(app.id, []), used) for app in apps]


def of_app(platform: Platform, app: App) -> AppMetrics:
    requests = platform.router.requests(app.name).get(app.name, Requests())
    return _app(platform, app, requests, platform.engine.processes(app.id), platform.engine.usage(app.id))


def of_platform(platform: Platform) -> list[PlatformMetrics]:
    """One for each name, the server first.

    All that the server starts is below it, so of the server only its own counts, with what runs inside it.
    """
    own = os.getpid()
    found: dict[str, PlatformMetrics] = {}
    for process in {process.pid: process for process in reversed(start.status(platform))}.values():
        used = usage.of_process(own) if process.pid == own else usage.of_tree(process.pid)
        one = PlatformMetrics(process.name, process.role, process.pid, used)
        found[one.name] = _together(found[one.name], one) if one.name in found else one
    return sorted(found.values(), key=lambda one: (one.pid != own, one.name))


def _together(one: PlatformMetrics, other: PlatformMetrics) -> PlatformMetrics:
    """Helpers of the same name; nobody needs to tell them apart."""
    starts = [used.started for used in (one.usage, other.usage) if used.started is not None]
    used = Usage(one.usage.cpu + other.usage.cpu, one.usage.memory + other.usage.memory, min(starts, default=None))
    return replace(one, usage=used)


def _app(
    platform: Platform, app: App, served: Requests, processes: Sequence[Process], used: Mapping[UUID, Usage]
) -> AppMetrics:
    restarts = platform.restarts.of(app.id)
    return AppMetrics(
        app_id=app.id,
        app=app.name,
        requests=_with_pages(served, platform.traffic.unserved(app.name)),
        latency=platform.traffic.latency(app.name),
        recent=platform.traffic.recent(app.name),
        restarts=sum(restarts.values()),
        processes=_processes(processes, served, used, restarts, platform.traffic.recent_by_process(app.name)),
    )


def _with_pages(served: Requests, pages: Mapping[str, int]) -> Requests:
    """What no process answered was answered by the front door, with a page."""
    kinds = sorted({*served.total, *pages})
    return Requests(
        {kind: served.total.get(kind, 0) + pages.get(kind, 0) for kind in kinds}, served.open, served.processes
    )


def _processes(
    processes: Sequence[Process],
    served: Requests,
    used: Mapping[UUID, Usage],
    restarts: Mapping[str, int],
    recent: Mapping[str, Latency],
) -> tuple[ProcessMetrics, ...]:
    return tuple(
        ProcessMetrics(
            id=process.id,
            name=process.name,
            type=process.type,
            state=process.state.value,
            size=process.size,
            usage=used.get(process.id, Usage()),
            quota=limits(process.size).quota,
            restarts=restarts.get(process.name, 0),
            requests=served.processes.get(process.id, Requests()),
            recent=recent.get(process.name, Latency()),
        )
        for process in processes
    )
