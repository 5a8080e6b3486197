"""Metrics: in Prometheus' text format at /metrics, and as JSON for each app and for everything at once."""

import time
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from twelve.core.formats import prometheus
from twelve.core.model.metrics import CLASSES, NO_STATUS, AppMetrics, Latency, PlatformMetrics, ProcessMetrics, Requests
from twelve.core.policy import latency
from twelve.faces.api import prometheus_families
from twelve.faces.api.routes import Call, Routes
from twelve.flow import metrics

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}

routes = Routes()


@routes.get("/metrics")
def scrape(call: Call) -> Any:
    families = prometheus_families.of(metrics.of_apps(call.platform), metrics.of_platform(call.platform))
    return Response(prometheus.dump(families), media_type=prometheus.CONTENT_TYPE)


@routes.get("/apps/{app}/metrics")
def info(call: Call) -> Any:
    found = metrics.of_app(call.platform, call.app())
    return {"time": time.time(), **show(found)}


@routes.get("/_twelve/metrics")
def everything(call: Call) -> Any:
    """Of every app and of the platform's own processes."""
    apps = [show(app) for app in metrics.of_apps(call.platform)]
    own = [show_platform(process) for process in metrics.of_platform(call.platform)]
    return {"time": time.time(), "apps": apps, "platform": own}


def show(app: AppMetrics) -> dict[str, Any]:
    return {
        "app": {"id": str(app.app_id), "name": app.app},
        "requests": show_requests(app.requests),
        "latency_ms": show_latency(app.recent),
        "cpu_seconds": round(sum(process.usage.cpu for process in app.processes), 3),
        "memory_bytes": sum(process.usage.memory for process in app.processes),
        "restarts": app.restarts,
        "processes": [show_process(process) for process in app.processes],
    }


def show_process(process: ProcessMetrics) -> dict[str, Any]:
    return {
        "id": str(process.id),
        "name": process.name,
        "type": process.type,
        "state": process.state,
        "size": process.size,
        "cpu_seconds": round(process.usage.cpu, 3),
        "memory_bytes": process.usage.memory,
        "memory_quota_bytes": process.quota,
        "restarts": process.restarts,
        "requests": show_requests(process.requests),
        "latency_ms": show_latency(process.recent),
        "started_at": process.usage.started,
    }


def show_platform(process: PlatformMetrics) -> dict[str, Any]:
    return {
        "name": process.name,
        "role": process.role,
        "pid": process.pid,
        "cpu_seconds": round(process.usage.cpu, 3),
        "memory_bytes": process.usage.memory,
        "started_at": process.usage.started,
    }


def show_requests(requests: Requests) -> dict[str, Any]:
    by_status: Mapping[str, int] = {kind: requests.total.get(kind, 0) for kind in (*CLASSES, NO_STATUS)}
    return {"total": requests.count, "by_status": by_status, "open": requests.open}


def show_latency(recent: Latency) -> dict[str, float | int | None]:
    """Of the last minute; null when nobody asked for anything."""
    found = {name: latency.quantile(recent, share) for name, share in QUANTILES.items()}
    rounded = {name: None if value is None else round(value, 1) for name, value in found.items()}
    return {"requests": recent.count, **rounded}
