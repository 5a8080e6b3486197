"""May this candidate serve? `python -m twelve_runtime.ml gate MODEL VERSION`: one `event=gate` a check, then a verdict.

Exit 0: all hold. 4: refused, nothing changes. 78: the environment is wrong. 1: it could not be judged.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.errors import ArtifactError, Missing, Refused
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import checks, judged, ranking, tables
from twelve_runtime.ml import settings as serving
from twelve_runtime.ml.checks import Case, Check, Limits
from twelve_runtime.ml.errors import BadConfig, Rejected, Unusable
from twelve_runtime.ml.report import Emit, stdout

REFUSED = 4


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] | None = None, emit: Emit = stdout) -> int:
    words = _parser().parse_args(argv)
    try:
        return _judge(words, os.environ if env is None else env, emit)
    except Unusable as error:
        return _fail(error, error.exit_code)
    except (ArtifactError, tables.BadTable) as error:
        return _fail(error, 1)


def _judge(words: argparse.Namespace, env: Mapping[str, str], emit: Emit) -> int:
    champion = words.champion if words.champion is not None else env.get("MODEL_VERSION", "")
    limits = _limits(env, words)
    settings = serving.read(
        {**env, "MODEL_NAME": words.model, "MODEL_VERSION": words.version, "MODEL_SHA256": "", "MODEL_FALLBACK": ""}
    )
    store = Store.open(settings.store_url)
    told = _Told(emit, words.model, words.version, champion or None)
    try:
        case = _case(store, settings, words, env, champion, limits)
    except (_Unloadable, Rejected) as error:
        told.check(Check("artifact", False, detail=str(error).rstrip(".")))
    else:
        for check in checks.all_of(case):
            told.check(check)
    return told.verdict()


class _Unloadable(Exception):
    """The candidate is not what it says it is."""


class _Told:
    """Every check as it is known, and at the end what they mean together."""

    def __init__(self, emit: Emit, model: str, version: str, champion: str | None) -> None:
        self._emit, self._champion = emit, champion
        self._who = {"model_name": model, "model_version": version, "champion": champion}
        self._checks: list[Check] = []

    def check(self, found: Check) -> None:
        self._checks.append(found)
        self._emit("gate", **self._who, **asdict(found))

    def verdict(self) -> int:
        ok = all(check.ok for check in self._checks)
        candidate, name = str(self._who["model_version"]), str(self._who["model_name"])
        champion = f"{name}@{self._champion}" if self._champion else None
        reason = checks.reason(self._checks, f"{name}@{candidate}", champion)
        self._emit("gate", **self._who, check="verdict", ok=ok, value=None, limit=None, detail=reason)
        return 0 if ok else REFUSED


def _case(
    store: Store, settings: serving.Settings, words: argparse.Namespace, env: Mapping[str, str], champion: str,
    limits: Limits,
) -> Case:  # fmt: skip
    try:
        resolved = models.resolve(store, words.version, words.model, public_keys=settings.public_keys)
        candidate = judged.load(store, resolved, settings)
    except Refused as error:
        raise _Unloadable(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="gate-") as scratch:
        holdout = _table(store, env, words.model, Path(scratch) / "holdout")
        training = _training(store, candidate, Path(scratch) / "training")
    serves = _champion(store, settings, words.model, champion, env) if champion else None
    inputs = _lines(words.inputs)
    return Case(candidate, serves, holdout, training, inputs, limits)


def _champion(store: Store, settings: serving.Settings, model: str, ref: str, env: Mapping[str, str]) -> judged.Judged:
    pin = env.get("MODEL_SHA256") if ref == env.get("MODEL_VERSION") else None
    resolved = models.resolve(store, ref, model, pin=pin or None, public_keys=settings.public_keys)
    return judged.load(store, resolved, settings)


def _table(store: Store, env: Mapping[str, str], model: str, place: Path) -> tables.Table:
    name, _, tree = env.get("HOLDOUT_DATA_VERSION", "").strip().rpartition("@")
    if not tree:
        raise BadConfig(
            "HOLDOUT_DATA_VERSION is not set: without rows kept apart nobody can say which model is better."
        )
    try:
        dataset = datasets.resolve(store, name or env.get("HOLDOUT_DATA") or model, tree)
    except Refused as error:
        raise BadConfig(f"HOLDOUT_DATA_VERSION: {error}") from None
    return tables.read(tables.below(datasets.pull(store, dataset, place)))


def _training(store: Store, candidate: judged.Judged, place: Path) -> tables.Table | None:
    data = candidate.manifest.data
    name, tree = data.get("name"), data.get("sha256")
    with suppress(Missing, tables.BadTable):
        if isinstance(name, str) and isinstance(tree, str):
            return tables.read(tables.below(datasets.pull(store, datasets.resolve(store, name, tree), place)))
    return None


def _lines(source: str | None) -> Sequence[str]:
    """Event lines of the app's processes, as they printed them or as `twelve logs` shows them."""
    if source is None:
        return ()
    if source == "-":
        return tuple(sys.stdin)
    with Path(source).open(encoding="utf-8", errors="replace") as file:
        return tuple(file)


def _limits(env: Mapping[str, str], words: argparse.Namespace) -> Limits:
    usual = Limits()
    return Limits(
        size=_number(env, "GATE_MAX_SIZE_MB", usual.size),
        memory=_number(env, "GATE_MAX_RAM_MB", usual.memory),
        margin=_number(env, "GATE_MARGIN", usual.margin),
        target=env.get("GATE_TARGET") or usual.target,
        slices=_words(env, "GATE_SLICES"),
        metrics=_metrics(env),
        accept_drift=words.accept_drift,
    )


def _words(env: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in env.get(key, "").split(",") if word.strip())


def _metrics(env: Mapping[str, str]) -> tuple[str, ...]:
    wanted = _words(env, "GATE_METRICS")
    for word in wanted:
        if word not in ranking.METRICS:
            raise BadConfig(f"GATE_METRICS: {word!r} is none of {', '.join(ranking.METRICS)}.")
    return wanted


def _number(env: Mapping[str, str], key: str, usual: float) -> float:
    text = env.get(key, "").strip()
    try:
        value = float(text) if text else usual
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise BadConfig(f"{key}={text!r} is not a number from 0.")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m twelve_runtime.ml gate", description=__doc__.partition("\n")[0])
    parser.add_argument("model")
    parser.add_argument("version", help="the candidate: a number, or sha256:…")
    parser.add_argument("--champion", metavar="VERSION", help="instead of MODEL_VERSION; empty for none")
    parser.add_argument("--inputs", metavar="FILE", help="event lines of the last days; - is the standard input")
    parser.add_argument("--accept-drift", action="store_true", help="drift between training and inputs is no reason")
    return parser


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"gate: {error}\n")
    return code
