"""The AI items, observed: which model answers, whether replicas agree, what is told of it, what comes without it."""

import json
import re
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import Any

from twelve.audit.model import Severity
from twelve.audit.probes.inference import (
    Inputs,
    Prediction,
    another,
    asking,
    described,
    predicted,
    predicted_at,
)
from twelve.audit.probes.patience import until
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.splits import UNIT, split
from twelve.audit.probes.trial import STORE, VERSION, Trial
from twelve.core.model import Process

PROBES = Probebook()
NO_SUCH = "999999999"
NOWHERE = "file:///nowhere-at-all"
TIMES = 3
SHOWN = 8  # keys of a line
SOON = 5.0  # seconds
TOLERANCE = 1e-5
UNITS, SHARE = 300, 0.2  # made-up users, and how many of them get another version at first
INTERVAL = 2.576  # standard deviations
TIMED = re.compile(r"latency|duration|elapsed|_ms$|_s$|seconds", re.IGNORECASE)


@PROBES.asks(
    "AI04-live-version-switch", Severity.ERROR, "Another MODEL_VERSION is another model, and the answer says so.",
    fix="Read MODEL_VERSION at start, load that version, and tell it in each answer.",
)  # fmt: skip
def switches_its_version(trial: Trial) -> Saw:
    process, inputs = asking(trial)
    now = predicted(trial, process, inputs).version
    if not now:
        return Saw(False, "Its answers do not tell the model's version.")
    version, seen = _switched(trial, process, inputs, now)
    if seen.version == version:
        told = f"With {VERSION}={version} and nothing else changed, {version} answered instead of {now}"
        again = f" ({now}'s files, published again in the trial's store)" if version == trial.copied else ""
        return Saw(True, f"{told}{again}.")
    return Saw(False, f"{VERSION}={version} was set, and the answer still says {seen.version or 'nothing'}.")


@PROBES.asks(
    "AI04-live-version-missing", Severity.ERROR, "A version that does not exist is noticed at start, not answered for.",
    fix="End at start when MODEL_VERSION cannot be loaded, or serve the fallback and say so in each answer.",
)  # fmt: skip
def notices_a_missing_version(trial: Trial) -> Saw:
    _, inputs = asking(trial)
    with another(trial, {VERSION: NO_SUCH}) as result:
        if result.kind != "up":
            return Saw(True, f"With {VERSION}={NO_SUCH} it did not come up.")
        seen = predicted(trial, result.process, inputs)
    if seen.degraded or seen.status != 200:
        return Saw(True, f"With {VERSION}={NO_SUCH} it answered {seen.status}, marked as a fallback or an error.")
    return Saw(False, f"With {VERSION}={NO_SUCH} it answered as if nothing were missing (version {seen.version}).")


@PROBES.asks(
    "AI05-live-scale", Severity.WARNING, "Two replicas give the same answer to the same input.",
    fix="Keep inference free of state and chance: a fixed seed, temperature 0, nothing that only one replica knows.",
)  # fmt: skip
def replicas_agree(trial: Trial) -> Saw:
    process, inputs = asking(trial)
    with another(trial, {}) as result:
        if result.kind != "up":
            raise CannotTell(f"A second replica did not come up: {result.detail or result.kind}.")
        pairs = [
            (predicted(trial, process, inputs).outputs, predicted(trial, result.process, inputs).outputs)
            for _ in range(TIMES)
        ]
    differ = sum(not same(one, other) for one, other in pairs)
    if differ:
        return Saw(False, f"Of {TIMES} inputs that two replicas were given, {differ} were answered differently.")
    return Saw(True, f"Two replicas gave the same answer to the same input, {TIMES} times.")


@PROBES.asks(
    "AI06-live-prediction-line", Severity.WARNING, "A prediction is one line of JSON with version and latency.",
    fix="Print one JSON line a prediction to stdout: model version, latency, outcome.",
)  # fmt: skip
def tells_of_predictions(trial: Trial) -> Saw:
    process, inputs = asking(trial)
    before = len(list(_events(trial)))
    version = predicted(trial, process, inputs).version

    def seen() -> list[dict[str, Any]]:
        return [one for one in list(_events(trial))[before:] if _tells(one, version)]

    if not until(seen, SOON):
        return Saw(False, f"A prediction was asked, and no JSON line with version and latency came in {SOON:.0f} s.")
    return Saw(True, f"A prediction was asked, and a line with {listed(sorted(seen()[0]))} came.", "twelve logs")


@PROBES.asks(
    "AI07-live-model-missing", Severity.ERROR, "Without its model it stays up, and answers by a fallback that says so.",
    fix="Serve a fallback (an older version, a rule, a default) when the model cannot be had, and mark its answers.",
)  # fmt: skip
def answers_without_its_model(trial: Trial) -> Saw:
    _, inputs = asking(trial)
    broken = {STORE: NOWHERE} if trial.release and STORE in trial.release.config else {VERSION: NO_SUCH}
    told = " and ".join(f"{key}={value}" for key, value in broken.items())
    with another(trial, broken) as result:
        if result.kind != "up":
            last = next(filter(None, reversed(result.tail)), "")
            return Saw(False, f"With {told} it did not come up: {last or result.detail or result.kind}.")
        seen = predicted(trial, result.process, inputs)
    good = seen.status == 200 and seen.degraded
    marked = "marked as a fallback" if seen.degraded else "not marked as a fallback"
    return Saw(good, f"With {told} it answered {seen.status or 'nothing'}, {marked}.")


def same(one: Any, other: Any) -> bool:
    """Of JSON values; numbers may differ by what floating point does."""
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= TOLERANCE * max(1.0, abs(one), abs(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


@PROBES.asks(
    "AI08-live-split", Severity.ERROR, "A split gives another version its share of the users, and takes nobody back.",
    fix="Let MODEL_VERSION alone decide the model, so that two releases can share requests: `twelve rollout start`.",
)  # fmt: skip
def splits(trial: Trial) -> Saw:
    """A candidate release with another version gets a share of made-up users, is asked twice, and ramped up."""
    process, inputs = asking(trial)
    now = predicted(trial, process, inputs).version
    version, seen = _switched(trial, process, inputs, now) if now else ("", None)
    if seen is None or seen.version != version:
        return Saw(False, "Its answers do not tell one model from another, so a split of them cannot be seen.")
    with split(trial, {VERSION: version}, SHARE) as dealt:
        first, again = (_served(trial, inputs, version) for _ in range(2))
        dealt.ramp(2 * SHARE)
        after = _served(trial, inputs, version)
    told = (
        f"Of {UNITS} made-up users, {len(first)} got version {version} at {SHARE:.0%}, {len(after)} at {2 * SHARE:.0%}"
    )
    if first != again:
        return Saw(False, f"{told}; asked again, {len(first ^ again)} of them got another version than before.")
    if lost := first - after:
        return Saw(False, f"{told}; {len(lost)} were moved back by the ramp.")
    likely = all(is_likely(len(got), UNITS, share) for got, share in ((first, SHARE), (after, 2 * SHARE)))
    return Saw(likely, f"{told}, the same ones when asked again, and nobody was moved back.", "twelve rollout status")


def is_likely(seen: int, of: int, share: float) -> bool:
    """Whether it is inside of the binomial's 99 % interval."""
    return abs(seen - of * share) <= INTERVAL * sqrt(of * share * (1 - share)) + 1


def _served(trial: Trial, inputs: Inputs, version: str) -> set[int]:
    """The users who get a version, at the front door."""
    door = trial.platform.settings.router_port
    asked = ((unit, predicted_at(trial, door, inputs, {UNIT: f"audited-{unit}"})) for unit in range(UNITS))
    return {unit for unit, seen in asked if seen.version == version}


def _switched(trial: Trial, process: Process, inputs: Inputs, now: str) -> tuple[str, Prediction]:
    """Another version that its processes come up with, and what one of them answered."""
    for version in _others(trial, process, now):
        with another(trial, {VERSION: version}) as result:
            seen = predicted(trial, result.process, inputs) if result.kind == "up" else None
        if seen and not seen.degraded:
            return version, seen
    raise CannotTell(f"There is no version but {now} that could be switched to.")


def _others(trial: Trial, process: Process, now: str) -> list[str]:
    """Versions to try: those of the trial's store, those it tells of, and the neighbours of a number."""
    listed = described(trial, process).get("versions")
    told = [str(one) for one in listed] if isinstance(listed, list) else []
    near = [str(int(now) + step) for step in (-1, 1) if now.isdecimal() and int(now) + step > 0]
    return [one for one in dict.fromkeys([*_stored(trial, now), *told, *near]) if one != now]


def _stored(trial: Trial, now: str) -> list[str]:
    """In a store with one version only, its files are published again as the next one."""
    release = trial.release
    if release is None or STORE not in release.attached or not now.isdecimal():
        return []
    from twelve.audit.probes import stores  # noqa: PLC0415 - the store's library is large

    store = stores.opened(release)
    found = stores.versions(store, release.config)
    if set(found) - {now}:
        return found
    trial.copied = stores.published_again(store, release.config, now)
    return [trial.copied]


def listed(keys: Sequence[str]) -> str:
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    told = [", ".join(keys[:SHOWN]), *more]
    return " and ".join(told)


def _events(trial: Trial) -> Iterator[dict[str, Any]]:
    for line in trial.log():
        if line.source == "app" and line.text.lstrip().startswith("{"):
            try:
                found = json.loads(line.text)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def _tells(event: dict[str, Any], version: str) -> bool:
    versioned = any("version" in key.lower() and str(value) == version for key, value in event.items())
    return versioned and any(TIMED.search(key) for key in event)
