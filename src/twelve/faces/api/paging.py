"""Lists in pages: the Range header of a request, and the part of the list it asks for.

    Range: version ]7..; max=15, order=desc        the 15 after version 7, from high to low

Clients write it in many ways, so what cannot be read counts as absent and an unknown field as `id`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

DEFAULT_MAX = 200
LIMIT = 1000
_RANGE = re.compile(
    r"\s*(?P<field>[a-z_]+)\s+(?P<after>]?)(?P<first>[^\s;]*?)\.\.(?P<last>[^\s;\]]*)]?\s*(?P<options>;.*)?"
)
_MAX = re.compile(r"max\s*=\s*(\d+)")
_DESCENDING = re.compile(r"order\s*=\s*desc")

Item: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """`after` says that `first` itself is left out."""

    field: str = "id"
    first: str = ""
    last: str = ""
    after: bool = False
    max: int = DEFAULT_MAX
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    items: Sequence[Item]
    status: int
    headers: Mapping[str, str]


def parse(header: str | None) -> Range | None:
    found = _RANGE.fullmatch(header or "")
    if found is None:
        return None
    options = found["options"] or ""
    maximum = _MAX.search(options)
    return Range(
        field=found["field"],
        first=found["first"],
        last=found["last"],
        after=bool(found["after"]),
        max=min(max(int(maximum[1]), 1), LIMIT) if maximum else DEFAULT_MAX,
        descending=bool(_DESCENDING.search(options)),
    )


def page(items: Sequence[Item], header: str | None, *, default: str = "id") -> Page:
    """The items a Range header asks for; without one, the first page in the order given."""
    wanted = parse(header)
    if wanted is None and len(items) <= DEFAULT_MAX:
        return Page(items, 200, {"Accept-Ranges": default})
    wanted = wanted or Range(field=default)
    field = wanted.field if items and _sortable(items, wanted.field) else default
    key = _key(field)
    inside = _between(sorted(items, key=key, reverse=wanted.descending), key, wanted)
    return _cut(inside, field, wanted)


def _cut(inside: Sequence[Item], field: str, wanted: Range) -> Page:
    shown = inside[: wanted.max]
    headers = {"Accept-Ranges": "id" if field == "id" else f"id, {field}"}
    if shown:
        headers["Content-Range"] = f"{field} {shown[0][field]}..{shown[-1][field]}"
    if len(inside) == len(shown):
        return Page(shown, 200, headers)
    order = ", order=desc" if wanted.descending else ""
    headers["Next-Range"] = f"{field} ]{shown[-1][field]}..{wanted.last}; max={wanted.max}{order}"
    return Page(shown, 206, headers)


def _between(items: Sequence[Item], key: Callable[[Item], Any], wanted: Range) -> Sequence[Item]:
    sign = -1 if wanted.descending else 1
    kind = type(key(items[0])) if items else str
    first, last = _bound(wanted.first, kind), _bound(wanted.last, kind)

    def inside(item: Item) -> bool:
        value = key(item)
        begun = first is None or _compare(value, first) * sign >= (1 if wanted.after else 0)
        return begun and (last is None or _compare(value, last) * sign <= 0)

    return [item for item in items if inside(item)]


def _compare(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


def _bound(text: str, kind: type) -> str | int | None:
    if not text or (kind is int and not text.isdecimal()):
        return None
    return int(text) if kind is int else text


def _key(field: str) -> Callable[[Item], Any]:
    return lambda item: item[field]


def _sortable(items: Sequence[Item], field: str) -> bool:
    kinds = {type(item.get(field)) for item in items}
    return kinds in ({str}, {int})
