"""Which metrics Prometheus gets, under which names and labels."""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from twelve.core.formats.prometheus import Family, Histogram
from twelve.core.model.metrics import CLASSES, NO_STATUS, AppMetrics, Latency, PlatformMetrics, Usage
from twelve.core.policy.latency import BOUNDS, at_most

Labels = dict[str, str]


def of(apps: Sequence[AppMetrics], platform: Sequence[PlatformMetrics]) -> list[Family]:
    return [*_requests(apps), *_processes(apps), *_platform(platform)]


def _requests(apps: Sequence[AppMetrics]) -> Iterable[Family]:
    yield Family(
        "twelve_app_requests_total",
        "counter",
        "Requests of an app that have ended, by class of their status.",
        [
            ({"app": app.app, "code_class": kind}, app.requests.total.get(kind, 0))
            for app in apps
            for kind in (*CLASSES, NO_STATUS)
        ],
    )
    yield Family(
        "twelve_app_requests_open",
        "gauge",
        "Requests of an app that its processes are answering or have waiting.",
        [({"app": app.app}, app.requests.open) for app in apps if app.requests.open is not None],
    )
    yield Family(
        "twelve_request_duration_seconds",
        "histogram",
        "How long a request took, from its first byte to the last of its answer; from a sample when there are many.",
        [({"app": app.app}, _histogram(app.latency)) for app in apps],
    )


def _processes(apps: Sequence[AppMetrics]) -> Iterable[Family]:
    newest = {(app.app, one.name): one for app in apps for one in app.processes}  # a rollout has two of a name
    every = [({"app": app, "process": name}, one) for (app, name), one in newest.items()]
    running = [(labels, one.usage) for labels, one in every]
    served = [(labels, one.requests) for labels, one in every if one.requests.total]
    yield from _usage("twelve_process", "a process with everything below it", running)
    yield Family(
        "twelve_process_memory_quota_bytes",
        "gauge",
        "The memory of the size of a process.",
        [(labels, one.quota) for labels, one in every],
    )
    yield Family(
        "twelve_process_restarts_total",
        "counter",
        "Starts of a process after an exit of its own, since the server started.",
        [(labels, one.restarts) for labels, one in every],
    )
    yield Family(
        "twelve_process_requests_total",
        "counter",
        "Requests that a process has answered since it joined the front door, by class of their status.",
        [({**labels, "code_class": kind}, count) for labels, one in served for kind, count in one.total.items()],
    )
    yield Family(
        "twelve_process_up",
        "gauge",
        "1 while a process is up, else 0.",
        [(labels, int(one.state == "up")) for labels, one in every],
    )


def _platform(platform: Sequence[PlatformMetrics]) -> Iterable[Family]:
    found = [({"process": one.name}, one.usage) for one in platform]
    return _usage("twelve_platform_process", "a process of the platform itself", found)


def _usage(prefix: str, what: str, found: Sequence[tuple[Labels, Usage]]) -> Iterable[Family]:
    for name, kind, help_, value in (
        ("cpu_seconds_total", "counter", "Processor time used by", attrgetter("cpu")),
        ("memory_bytes", "gauge", "Memory, shared pages in part, of", attrgetter("memory")),
        ("start_time_seconds", "gauge", "Seconds since the epoch at the start of", attrgetter("started")),
    ):
        samples = [(labels, value(usage)) for labels, usage in found if usage.started is not None]
        yield Family(f"{prefix}_{name}", kind, f"{help_} {what}.", samples)


def _histogram(latency: Latency) -> Histogram:
    counts = zip(BOUNDS, at_most(latency), strict=True)
    return Histogram([(bound / 1000, count) for bound, count in counts], latency.count, latency.total / 1000)
