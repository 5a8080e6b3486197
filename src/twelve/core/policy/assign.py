"""Which variant a unit belongs to: a hash, no storage. Normative for the front door, the runtime library and SQL.

    h         = SHA-256(utf8(salt + ":" + unit))
    bucket    = first 7 bytes of h, big-endian, unsigned, mod 10000
    unit_hash = first 32 hexadecimal digits of h

A ramp only adds ranges, and takes them from the control: nobody moves back or between treatments.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from twelve.core.errors import UsageError
from twelve.core.model.rollout import BUCKETS, Variant

Range = tuple[int, int]
_DIGITS = re.compile(r"[0-9a-f]{14}")


def bucket(salt: str, unit: str) -> int:
    """0 to 9999. 56 bits fit into everybody's integers; the modulo favours no bucket by more than 1e-12."""
    return int.from_bytes(_hash(salt, unit)[:7], "big") % BUCKETS


def unit_hash(salt: str, unit: str) -> str:
    """What is written down instead of the unit."""
    return _hash(salt, unit).hex()[:32]


def bucket_of(unit_hash_: str) -> int:
    """The same from the hash that was written down; 0 when it is none."""
    digits = unit_hash_[:14]
    return int(digits, 16) % BUCKETS if _DIGITS.fullmatch(digits) else 0


def owner(variants: Sequence[Variant], number: int) -> Variant:
    """Whose bucket it is; the control's, which is the first, when nobody else owns it."""
    for variant in variants[1:]:
        if any(first <= number <= last for first, last in variant.ranges):
            return variant
    return variants[0]


def assigned(variants: Sequence[Variant], salt: str, unit: str) -> Variant:
    return owner(variants, bucket(salt, unit))


def ramp(variants: Sequence[Variant], weights: Mapping[str, int]) -> tuple[Variant, ...]:
    """The variants with as many buckets as `weights` says, by name of a treatment; who is not named keeps what it has.

    A treatment takes the lowest buckets that the control has left. UsageError when one would shrink, or all of them
    together would have more than there are.
    """
    grown = list(variants)
    for place, variant in enumerate(variants[1:], start=1):
        more = weights.get(variant.name, variant.buckets) - variant.buckets
        if more < 0:
            raise UsageError(
                f"{variant.name} has {percent(variant.buckets)} % and cannot get less: units never move back.",
                hint="Abort the rollout to take all of them back.",
            )
        grown[place] = replace(variant, ranges=(*variant.ranges, *_lowest(free(grown), more)))
    return tuple(grown)


def free(variants: Sequence[Variant]) -> list[Range]:
    """What the control owns, lowest first."""
    taken = sorted(one for variant in variants for one in variant.ranges)
    starts = [0, *(last + 1 for _, last in taken)]
    ends = [*(first - 1 for first, _ in taken), BUCKETS - 1]
    return [(first, last) for first, last in zip(starts, ends, strict=True) if first <= last]


def percent(buckets: int) -> str:
    """As people write it: "10", "0.5"."""
    return f"{buckets * 100 / BUCKETS:.2f}".rstrip("0").rstrip(".")


def _lowest(ranges: Sequence[Range], count: int) -> Iterator[Range]:
    if count > sum(last - first + 1 for first, last in ranges):
        raise UsageError("All variants together cannot have more than 100 %.")
    for first, last in ranges:
        if count <= 0:
            return
        taken = min(count, last - first + 1)
        yield first, first + taken - 1
        count -= taken


def _hash(salt: str, unit: str) -> bytes:
    return sha256(f"{salt}:{unit}".encode()).digest()
