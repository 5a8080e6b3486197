"""Which variant a unit belongs to, by the formula that router, library and SQL share: no state, the same answer always.

h = sha256(salt ":" unit), bucket = first 7 bytes of h mod 10000, unit_hash = first 32 hex characters of h
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Literal, cast, get_args

from twelve_runtime.ml.errors import BadConfig

BUCKETS = 10_000
Source = Literal["header", "cookie", "query", "json"]
FORM = "salt=checkout-ranker.1;unit=header:x-user-id;a=3;b=4:0-999"
SALT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
RANGE = re.compile(r"(\d{1,4})-(\d{1,4})")


def bucket(salt: str, unit: str) -> int:
    """0 to 9999."""
    return int.from_bytes(_hash(salt, unit)[:7], "big") % BUCKETS


def unit_hash(salt: str, unit: str) -> str:
    """What events carry in the unit's place: 32 hex characters."""
    return _hash(salt, unit)[:16].hex()


def _hash(salt: str, unit: str) -> bytes:
    return sha256(f"{salt}:{unit}".encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Variant:
    """Its buckets, both ends inclusive; the control has none and owns whatever is left."""

    name: str
    version: str
    ranges: tuple[tuple[int, int], ...] = ()

    def owns(self, number: int) -> bool:
        return any(low <= number <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Experiment:
    """`source` and `key` say where a request carries its unit: ("header", "x-user-id"), ("json", "$.user.id")."""

    salt: str
    source: Source
    key: str
    control: Variant
    treatments: tuple[Variant, ...]

    def variant(self, unit: str) -> Variant:
        number = bucket(self.salt, unit)
        return next((one for one in self.treatments if one.owns(number)), self.control)

    @property
    def variants(self) -> tuple[Variant, ...]:
        return (self.control, *self.treatments)


def parse(text: str) -> Experiment:
    """The value of EXPERIMENT."""
    pairs = [part.partition("=") for part in text.split(";") if part.strip()]
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    if len(fields) < len(pairs):
        raise BadConfig(f"EXPERIMENT names something twice; write it as {FORM}.")
    salt, unit = fields.pop("salt", ""), fields.pop("unit", "")
    source, _, key = unit.partition(":")
    if not SALT.fullmatch(salt) or source not in get_args(Source) or not key:
        raise BadConfig(f"EXPERIMENT needs a salt and a unit; write it as {FORM}.")
    variants = [_variant(name, value) for name, value in fields.items()]
    controls = [one for one in variants if not one.ranges]
    if len(controls) != 1 or len(variants) < 2:
        raise BadConfig("EXPERIMENT needs one variant without buckets, the control, and at least one with them.")
    treatments = tuple(one for one in variants if one.ranges)
    _refuse_overlaps(treatments)
    return Experiment(salt, cast("Source", source), key, controls[0], treatments)


def _variant(name: str, value: str) -> Variant:
    version, _, ranges = value.partition(":")
    if not version or not name:
        raise BadConfig(f"EXPERIMENT: every variant names a model version; write it as {FORM}.")
    return Variant(name, version, tuple(_range(name, part) for part in ranges.split(",") if part))


def _range(name: str, text: str) -> tuple[int, int]:
    match = RANGE.fullmatch(text.strip())
    if not match or int(match[1]) > int(match[2]):
        raise BadConfig(f"EXPERIMENT: {text!r} of variant {name} is no range of buckets such as 0-999.")
    return int(match[1]), int(match[2])


def _refuse_overlaps(treatments: tuple[Variant, ...]) -> None:
    spans = sorted((low, high, one.name) for one in treatments for low, high in one.ranges)
    for (_, end, first), (begin, _, second) in pairwise(spans):
        if begin <= end:
            raise BadConfig(f"EXPERIMENT: bucket {begin} belongs to {first} and to {second}.")
