"""Metrics as Prometheus reads them: its text format, version 0.0.4."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Histogram:
    """`at_most`: (bound, how many up to it), ascending, without +Inf."""

    at_most: Sequence[tuple[float, int]]
    count: int
    total: float


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its labels. `kind`: counter, gauge or histogram."""

    name: str
    kind: str
    help: str
    samples: Sequence[tuple[Labels, float | Histogram]]


def dump(families: Iterable[Family]) -> str:
    return "".join(line + "\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help.replace(chr(92), chr(92) * 2).replace(chr(10), chr(92) + 'n')}"
    yield f"# TYPE {family.name} {family.kind}"
    for labels, value in family.samples:
        if isinstance(value, Histogram):
            yield from _histogram(family.name, labels, value)
        else:
            yield _sample(family.name, labels, value)


def _histogram(name: str, labels: Labels, value: Histogram) -> Iterator[str]:
    for bound, count in value.at_most:
        yield _sample(f"{name}_bucket", {**labels, "le": _number(bound)}, count)
    yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, value.count)
    yield _sample(f"{name}_sum", labels, value.total)
    yield _sample(f"{name}_count", labels, value.count)


def _sample(name: str, labels: Labels, value: float) -> str:
    inside = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inside}}} {_number(value)}" if inside else f"{name} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    """Whole numbers without a point, however large."""
    return str(int(value)) if value == int(value) else repr(float(value))
