"""What somebody asks of a rollout, checked and made into variants: releases and their shares, the unit, how many
processes. Pure.
"""

import re
from collections.abc import Mapping, Sequence
from math import ceil

from twelve.core.errors import UsageError
from twelve.core.model.rollout import BUCKETS, Unit, Variant
from twelve.core.policy.assign import percent, ramp

NAMES = "abcdefghij"
SHADOW = len(NAMES)  # the place of the processes that get copies of requests
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SHARE = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?%?")
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,64}")
_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_-]{0,63}){1,8}")
_KINDS = ("header", "cookie", "query", "json")
MOST_PROCESSES = 999
_FIRST_OF_A_VARIANT = 10_000  # above the formation and the one-offs; each treatment has as many numbers


def name_problem(name: str) -> str | None:
    """What is wrong with a rollout's name, or None."""
    if _NAME.fullmatch(name):
        return None
    return f'"{name}" is not a name of a rollout: lower-case letters, digits, "-" and "_", at most 63.'


def share(text: str) -> int:
    """Percent as a person writes it, in buckets: "10" is 1000, "0.5%" is 50."""
    match = _SHARE.fullmatch(text)
    buckets = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else BUCKETS + 1
    if buckets > BUCKETS:
        raise UsageError(f'"{text}" is not a share: percent from 0 to 100, with at most two decimals.')
    return buckets


def unit(source: str, *, anonymous: bool = False) -> Unit:
    """From "header:X-User-Id" and its kin. Header names have no case."""
    if not source:
        raise UsageError("A rollout needs to know whose a request is.", hint="Such as --unit header:X-User-Id.")
    kind, _, key = source.partition(":")
    known = _PATH.fullmatch(key) if kind == "json" else _TOKEN.fullmatch(key)
    if kind not in _KINDS or not known:
        raise UsageError(
            f'"{source}" is not where a unit can be: header:NAME, cookie:NAME, query:NAME or json:$.path.',
            hint="Such as --unit header:X-User-Id.",
        )
    return Unit(f"{kind}:{key.lower() if kind == 'header' else key}", anonymous)


def opening(current: int, shares: Mapping[int, int], processes: Mapping[int, int]) -> tuple[Variant, ...]:
    """The variants of a rollout that begins: `shares` in buckets by release, the current one's among them or left out.

    `processes` by release, where somebody does not want the weight to decide.
    """
    treatments = [release for release in shares if release != current]
    asked = sum(shares.values())
    if current in shares and asked != BUCKETS:
        raise UsageError(f"The shares add up to {percent(asked)} %, not to 100 %.")
    if len(treatments) >= len(NAMES):
        raise UsageError(f"A rollout has at most {len(NAMES)} variants.")
    control = Variant(NAMES[0], current)
    others = [
        Variant(name, release, (), processes.get(release)) for name, release in zip(NAMES[1:], treatments, strict=False)
    ]
    return ramp((control, *others), {variant.name: shares[variant.release] for variant in others})


def grown(variants: Sequence[Variant], shares: Mapping[int, int]) -> tuple[Variant, ...]:
    """After a ramp; a release that was no variant so far becomes one."""
    control = variants[0]
    known = {variant.release for variant in variants}
    fresh = [release for release in shares if release not in known]
    if len(variants) + len(fresh) > len(NAMES):
        raise UsageError(f"A rollout has at most {len(NAMES)} variants.")
    names = NAMES[len(variants) :]
    everybody = (*variants, *(Variant(name, one) for name, one in zip(names, fresh, strict=False)))
    weights = {one.name: shares[one.release] for one in everybody[1:] if one.release in shares}
    after = ramp(everybody, weights)
    left = BUCKETS - sum(variant.buckets for variant in after)
    if shares.get(control.release, left) != left:
        raise UsageError(f"v{control.release} would have {percent(left)} %, not {percent(shares[control.release])} %.")
    return after


def processes(variant: Variant, formation: int) -> int:
    """How many `web` processes a treatment has beside `formation` of the control: by its weight, at least one."""
    if variant.processes is not None:
        return variant.processes
    return max(1, ceil(formation * variant.buckets / BUCKETS))


def numbers(place: int, count: int) -> list[int]:
    """Those of the processes of the treatment at `place`, 1 for the first: web.10001, web.10002; web.20001."""
    first = place * _FIRST_OF_A_VARIANT
    return list(range(first + 1, first + 1 + count))


def place_of(number: int) -> int:
    """Which treatment a process belongs to by its number; 0 for the formation and for one-offs."""
    return number // _FIRST_OF_A_VARIANT
