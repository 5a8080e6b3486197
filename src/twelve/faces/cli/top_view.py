"""What `top` shows: two looks at the metrics become lines, as wide as they fit and coloured. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from twelve.faces.cli.output import STATES

Document = Mapping[str, Any]
COLUMNS = ("CPU", "MEMORY", "REQ/S", "P50", "P95", "P99", "5XX/S", "RESTARTS", "SINCE")
WIDTHS = (6, 10, 6, 6, 6, 6, 6, 8, 6)
LEFT_OUT = ("P50", "RESTARTS", "P99", "SINCE", "5XX/S", "MEMORY")  # in this order, where there is no room
FEWEST, MOST = 16, 36  # characters of a name
QUANTILES = ("p50", "p95", "p99")
TIGHT = 0.9  # of the quota


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` in the order of COLUMNS. `depth` 0 is an app, 1 a process."""

    name: str
    depth: int
    cells: Sequence[str]
    state: str = ""
    alarm: frozenset[str] = frozenset()


def lines(now: Document, before: Document, width: int) -> list[str]:
    """`before` is an earlier look, or `now` itself when there is none: then nothing is known of rates."""
    found = [*app_rows(now, before), *platform_rows(now, before)]
    shown = fitting(width)
    longest = max((len(row.name) + 2 * row.depth for row in found), default=0)
    room = max(FEWEST, min(MOST, longest, width - taken(shown)))
    head = Row("NAME", 0, COLUMNS)
    return [click.style(_line(head, shown, room), bold=True), *(_line(row, shown, room) for row in found)]


def fitting(width: int) -> list[str]:
    """The columns there is room for, in their order."""
    shown = list(COLUMNS)
    for name in LEFT_OUT:
        if taken(shown) + FEWEST > width:
            shown.remove(name)
    return shown


def taken(columns: Sequence[str]) -> int:
    return sum(size + 1 for name, size in zip(COLUMNS, WIDTHS, strict=True) if name in columns)


def summary(now: Document, before: Document) -> str:
    """One line about everything."""
    seconds = now["time"] - before["time"]
    served = sum(app["requests"]["total"] for app in now["apps"])
    earlier = sum(app["requests"]["total"] for app in before["apps"])
    every = [*now["platform"], *(process for app in now["apps"] for process in app["processes"])]
    clock = datetime.fromtimestamp(now["time"]).astimezone().strftime("%H:%M:%S")
    rate = _rate(served, earlier, seconds)
    parts = (
        clock,
        _counted(len(now["apps"]), "app"),
        _counted(sum(len(app["processes"]) for app in now["apps"]), "process", "processes"),
        f"{rate} req/s" if rate else "",
        f"platform {size(sum(one['memory_bytes'] for one in now['platform']))}" if now["platform"] else "",
        f"all {size(sum(one['memory_bytes'] for one in every))}",
    )
    return "  ".join(part for part in parts if part)


def app_rows(now: Document, before: Document) -> Iterator[Row]:
    seconds = now["time"] - before["time"]
    earlier = {app["app"]["id"]: app for app in before["apps"]}
    for app in now["apps"]:
        old = earlier.get(app["app"]["id"])
        yield _app(app, old, seconds)
        processes = {one["id"]: one for one in old["processes"]} if old else {}
        for process in app["processes"]:
            yield _process(process, processes.get(process["id"]), seconds, now["time"])


def platform_rows(now: Document, before: Document) -> Iterator[Row]:
    seconds = now["time"] - before["time"]
    earlier = {one["pid"]: one for one in before["platform"]}
    if now["platform"]:
        used = sum(one["memory_bytes"] for one in now["platform"])
        cells = (_sum_of_cpu(now["platform"], earlier, seconds), size(used), *[""] * 7)
        yield Row("(platform)", 0, cells)
    for one in now["platform"]:
        since = age(one["started_at"], now["time"])
        cpu = _cpu(one, earlier.get(one["pid"]), seconds)
        yield Row(one["name"], 1, (cpu, size(one["memory_bytes"]), *[""] * 6, since))


def _app(app: Document, old: Document | None, seconds: float) -> Row:
    times = [milliseconds(app["latency_ms"][name]) for name in QUANTILES]
    errors = _rate(app["requests"]["by_status"]["5xx"], _errors(old), seconds)
    requests = _rate(app["requests"]["total"], _served(old), seconds)
    earlier = {one["id"]: one for one in old["processes"]} if old else {}
    cpu = _sum_of_cpu(app["processes"], earlier, seconds, "id")
    cells = (cpu, size(app["memory_bytes"]), requests, *times, errors, str(app["restarts"]), "")
    return Row(app["app"]["name"], 0, cells, alarm=frozenset({"5XX/S"} if errors.strip("0.") else ()))


def _process(process: Document, old: Document | None, seconds: float, now: float) -> Row:
    memory, quota = process["memory_bytes"], process["memory_quota_bytes"]
    served = process["requests"]["total"] if process["type"] == "web" else None
    errors = process["requests"]["by_status"]["5xx"] if process["type"] == "web" else None
    error_rate = _rate(errors, _errors(old), seconds)
    cells = (
        _cpu(process, old, seconds),
        f"{size(memory)}/{size(quota)}",
        _rate(served, _served(old), seconds),
        *(milliseconds(process["latency_ms"][name]) for name in QUANTILES),
        error_rate,
        str(process["restarts"]),
        age(process["started_at"], now) if process["state"] == "up" else process["state"],
    )
    alarm = {"MEMORY"} if memory > TIGHT * quota else set()
    return Row(
        process["name"], 1, cells, process["state"], frozenset(alarm | ({"5XX/S"} if error_rate.strip("0.") else set()))
    )


def _served(one: Document | None) -> int | None:
    return int(one["requests"]["total"]) if one else None


def _errors(one: Document | None) -> int | None:
    return int(one["requests"]["by_status"]["5xx"]) if one else None


def _line(row: Row, shown: Sequence[str], room: int) -> str:
    name = "  " * row.depth + row.name
    name = (name if len(name) <= room else name[: room - 1] + "…").ljust(room)
    cells = [
        _coloured(row, column, cell.rjust(width))
        for column, cell, width in zip(COLUMNS, row.cells, WIDTHS, strict=True)
        if column in shown
    ]
    return " ".join([click.style(name, bold=row.depth == 0), *cells]).rstrip()


def _coloured(row: Row, column: str, text: str) -> str:
    if column in row.alarm:
        return click.style(text, fg="red")
    if column == "SINCE" and row.state in STATES:
        return click.style(text, fg=STATES[row.state])
    return text


def _sum_of_cpu(now: Sequence[Document], earlier: Mapping[Any, Document], seconds: float, key: str = "pid") -> str:
    if seconds <= 0:
        return ""
    return _percent(sum(_used(one, earlier.get(one[key])) for one in now) / seconds)


def _cpu(now: Document, old: Document | None, seconds: float) -> str:
    return "" if seconds <= 0 or old is None else _percent(_used(now, old) / seconds)


def _used(now: Document, old: Document | None) -> float:
    """Seconds since the earlier look; a process that was started again meanwhile has used what it has."""
    if old is None:
        return 0.0
    since: float = old["cpu_seconds"] if now["started_at"] == old["started_at"] else 0.0
    return max(0.0, float(now["cpu_seconds"]) - since)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _rate(now: int | None, before: int | None, seconds: float) -> str:
    if now is None or before is None or seconds <= 0:
        return ""
    rate = max(0, now - before) / seconds
    return f"{rate:.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def size(count: int) -> str:
    """Bytes as 940K, 34M, 1.2G."""
    for unit, shift in (("G", 30), ("M", 20)):
        if count >= 1 << shift:
            value = count / (1 << shift)
            return f"{value:.1f}{unit}" if unit == "G" and value % 1 >= 0.05 else f"{value:.0f}{unit}"
    return f"{count >> 10}K"


def milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 1:
        return "<1ms"
    if value >= 10_000:
        return f"{value / 1000:.0f}s"
    return f"{value / 1000:.1f}s" if value >= 1000 else f"{value:.0f}ms"


def age(started: float | None, now: float) -> str:
    """How long ago: 12s, 5m, 3h, 2d."""
    if started is None:
        return ""
    seconds = max(0, int(now - started))
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
