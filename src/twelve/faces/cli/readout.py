"""What `rollout status` prints of a reading: who got what, whether the split is right, the interval drawn. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from twelve.faces.cli.output import aligned

Document = Mapping[str, Any]
WIDTH = 41  # of the drawing; odd, so that zero has a column of its own
COLOURS = {"winner": "green", "rollback": "red", "refused_srm": "red", "breached": "red"}
KINDS = {"sum": "sum of a unit", "once": "share of units", "mean": "mean of a unit's requests"}
UNITS = {"errors": "%", "fallback": "%", "latency": "ms"}  # how values of what is built in are written


def lines(readout: Document) -> Iterator[str]:
    yield _verdict(readout)
    if readout["canary"]:
        yield f"Canary: {readout['canary']}"
    yield ""
    yield from _variants(readout)
    yield ""
    yield _split(readout)
    if not readout["srm"]["refused"]:
        yield _metric(readout)
        yield from _effects(readout)
        yield from _guardrails(readout)


def _verdict(readout: Document) -> str:
    verdict = readout["verdict"]
    return f"Phase {readout['phase']}: {click.style(verdict, fg=COLOURS.get(verdict), bold=True)}, {readout['reason']}"


def _variants(readout: Document) -> list[str]:
    head = ["VARIANT", "RELEASE", "WEIGHT", "UNITS", "CLOSED", "MEAN", "REQUESTS", "FAILED", "ELSEWHERE"]
    name = readout["metric"]["name"]
    rows = [
        [
            one["name"],
            f"v{one['release']['version']}",
            f"{one['weight']:g} %",
            str(one["units"]),
            str(one["closed"]),
            "" if one["mean"] is None else value(one["mean"], name),
            str(one["requests"]),
            str(one["failures"]),
            "" if one["elsewhere"] is None else f"{one['elsewhere']:.1%}",
        ]
        for one in readout["variants"]
    ]
    return aligned([head, *rows])


def _split(readout: Document) -> str:
    ratio = readout["srm"]
    if not sum(one["counted"] for one in readout["variants"]):
        return "The split is judged by units that came a minute ago or earlier: none yet."
    said = "is not what the weights say: nothing is told of effects" if ratio["refused"] else "is as the weights say"
    return f"The split {said} (p = {ratio['p']:.3g})."


def _metric(readout: Document) -> str:
    metric = readout["metric"]
    direction = "higher" if metric["higher_is_better"] else "lower"
    parts = [f"{metric['name']} ({KINDS[metric['kind']]}, {direction} is better) within {length(metric['window'])}"]
    parts.append(f"{metric['units_without_outcome']} units without any" if metric["kind"] != "mean" else "")
    parts.append(f"capped at {value(metric['cap'], metric['name'])}" if metric["cap"] is not None else "")
    parts.append("returning units too: carry-over possible" if metric["units"] == "all" else "")
    return "; ".join(part for part in parts if part)


def _effects(readout: Document) -> Iterator[str]:
    control = readout["variants"][0]["name"]
    for effect in readout["effects"]:
        found = told(effect, readout["metric"]["name"])
        yield f"  {effect['variant']} - {control}  {found}  {1 - readout['alpha']:.0%}, however often you look"
        yield f"  {drawing(effect['low'], effect['delta'], effect['high'])}"
    if not readout["effects"]:
        yield "  no interval yet: it begins with enough units of each variant"


def _guardrails(readout: Document) -> Iterator[str]:
    for guard in readout["guardrails"]:
        state = click.style(guard["state"], fg=COLOURS.get(guard["state"]))
        yield f"guardrail {guard['name']}: {state}"
        for effect in guard["effects"]:
            margin = value(effect["margin"], guard["name"])
            yield f"  {effect['variant']}  {told(effect, guard['name'])}, margin {margin}"


def told(effect: Document, name: str) -> str:
    delta, low, high = (value(effect[key], name, sign=True) for key in ("delta", "low", "high"))
    return f"{delta} [{low}, {high}]"


def value(number: float, name: str, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    match UNITS.get(name):
        case "%":
            return f"{number:{plus}.2%}"
        case "ms":
            return f"{number:{plus}.1f} ms"
        case _:
            return f"{number:{plus}.4g}"


def length(seconds: float) -> str:
    """86400 is "24 h"."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def drawing(low: float, middle: float, high: float, width: int = WIDTH) -> str:
    """Zero in the middle as "|", the interval around its "o" from "[" to "]"."""
    reach = max(abs(low), abs(high)) or 1.0
    half = width // 2
    places = [half + round(number / reach * half) for number in (low, middle, high)]
    cells = ["·"] * width
    cells[places[0] : places[2] + 1] = "─" * (places[2] - places[0] + 1)
    for place, mark in _marks(places, half):
        cells[place] = mark
    return "".join(cells)


def _marks(places: Sequence[int], zero: int) -> list[tuple[int, str]]:
    low, middle, high = places
    return [(zero, "|"), (low, "["), (high, "]"), (middle, "o")]
