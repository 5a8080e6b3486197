"""What a retraining does next: which version is its candidate, what the gate has said, and what a pass leads to."""

import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twelve.core.errors import CandidateRefused, ConfigError, TrainingFailed
from twelve.core.model import PublishedVersion, RetrainingState
from twelve.core.model.retraining import UNDER_WAY

__all__ = [
    "UNDER_WAY",
    "Next",
    "after_gate",
    "after_training",
    "canary_name",
    "candidate",
    "gate_command",
    "on_pass",
    "wants_latest",
    "worn",
]

TRAIN, GATE = "train", "gate"
DEFAULT_GATE = "python -m twelve_runtime.ml gate"
LATEST = "latest"
REFUSED = 4  # what a gate exits with when it says no
ON_PASS = "RETRAIN_ON_PASS"  # noqa: S105 - a config var's name
WAYS = ("promote", "canary", "keep")
CANARY = 500  # buckets of a canary's first share: 5 %
CANARY_UNIT, USUAL_UNIT = "RETRAIN_UNIT", "header:x-user-id"
MOST_CHECKS = 200
WORN = 20  # gates on one holdout
LONGEST = 1000  # characters of a text that somebody else's program has printed


@dataclass(frozen=True, slots=True)
class Next:
    """The state to go to. With a reason and an exit code it is an end."""

    state: RetrainingState
    reason: str = ""
    exit_code: int = 0
    candidate: str | None = None
    champion: str | None = None
    promoted: int | None = None
    checks: Sequence[Mapping[str, Any]] = field(default=())


def candidate(
    versions: Iterable[PublishedVersion], app: str, judged: Collection[str], champion: str | None
) -> str | None:
    """The newest version that processes of this app have published, unless it, or a newer one, was judged or serves.

    Asked of the store and not of the process, so that a version counts from the moment it exists, whoever died since.
    """
    done = [int(version) for version in (*judged, champion or "") if version.isdecimal()]
    mine = [one.number for one in versions if one.app == app and one.process]
    newest = max(mine, default=0)
    return str(newest) if newest > max(done, default=0) else None


def after_training(status: int | None, found: str | None, model: str, champion: str | None) -> Next:
    """`status` is None when nobody saw its end: then only what it has published tells."""
    if found is not None and status in {0, None}:
        return Next(RetrainingState.JUDGING, candidate=found, champion=champion or "")
    if status == 0:
        have = f"{model}@{champion} serves" if champion else f"no version of {model} is new"
        return Next(
            RetrainingState.UNCHANGED, f"Nothing new: data, code and parameters have made a version before; {have}."
        )
    how = "left no trace of its end" if status is None else f"exited with status {status}"
    return Next(RetrainingState.FAILED, f"The training {how}.", TrainingFailed.exit_code)


def after_gate(status: int, lines: Sequence[str]) -> Next:
    """PROMOTING when it passed. The last lines tell why it could not judge."""
    checks = gate_events(lines)
    verdict = next((str(one["detail"]) for one in reversed(checks) if one["check"] == "verdict"), "")
    kept = [one for one in checks if one["check"] != "verdict"][:MOST_CHECKS]
    if status == 0:
        return Next(RetrainingState.PROMOTING, verdict, checks=kept)
    if status == REFUSED:
        said = verdict or "the gate gave no reason."
        return Next(RetrainingState.REFUSED, said, CandidateRefused.exit_code, checks=kept)
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    reason = f"The gate exited with status {status}: {last[:LONGEST]}"
    return Next(RetrainingState.FAILED, reason, TrainingFailed.exit_code, checks=kept)


def worn(following: Next, holdout: str, uses: int) -> Next:
    """A verdict of the gate, which was at least the 20th on one holdout, says so: by chance one in twenty passes that
    should not. `uses` counts this one.
    """
    if uses < WORN or following.state not in {RetrainingState.PROMOTING, RetrainingState.REFUSED}:
        return following
    check = {"check": "holdout_use", "ok": True, "value": uses, "limit": WORN}
    detail = f"{holdout} has judged {uses} candidates, so one may have passed by chance: keep other rows apart"
    return replace(following, checks=[*following.checks, check | {"detail": detail}])


def gate_events(lines: Iterable[str]) -> list[dict[str, Any]]:
    """`event=gate` lines of any program: check, ok, value, limit, detail."""
    found = []
    for line in lines:
        event = _object(line)
        if event.get("event") == "gate" and isinstance(event.get("check"), str):
            found.append({
                "check": event["check"][:LONGEST],
                "ok": event.get("ok") is True,
                "value": _number(event.get("value")),
                "limit": _number(event.get("limit")),
                "detail": str(event.get("detail") or "")[:LONGEST],
            })  # fmt: skip
    return found


def gate_command(process_types: Mapping[str, str], model: str, version: str, *, accept_drift: bool) -> str:
    """The app's own process type `gate`, else the library's. Recent event lines are its standard input."""
    if GATE in process_types:
        return process_types[GATE]
    drift = " --accept-drift" if accept_drift else ""
    return f"{DEFAULT_GATE} {shlex.quote(model)} {shlex.quote(version)} --inputs -{drift}"


def on_pass(config: Mapping[str, str]) -> str:
    way = config.get(ON_PASS, "") or WAYS[0]
    if way not in WAYS:
        raise ConfigError(f"{ON_PASS} is {way[:80]!r}; it may be {', '.join(WAYS[:-1])} or {WAYS[-1]}.")
    return way


def canary_name(model: str, version: str) -> str:
    """The name of the rollout of a candidate."""
    return f"{model.replace('.', '-')[:52]}-{version}"


def wants_latest(version: str) -> str | None:
    """The dataset whose newest version is meant by `latest` or `NAME@latest`; empty for the usual one, None for no."""
    name, _, tree = version.strip().rpartition("@")
    return name if tree == LATEST else None


def _object(line: str) -> dict[str, Any]:
    start = line.find("{")
    if start < 0 or '"gate"' not in line:
        return {}
    try:
        found = json.loads(line[start:])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | int | None:
    return (
        value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf") else None
    )
