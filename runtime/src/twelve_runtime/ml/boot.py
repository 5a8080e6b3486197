"""From the environment to models that may serve: resolve, verify, load, replay; each step is one `model_boot` event.

Whatever goes wrong with one level leaves the others: a chain whose primary is missing starts degraded, unless its
release is new; a chain without any level that loaded does not start.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from twelve_runtime.artifacts import models, signing
from twelve_runtime.artifacts.errors import ArtifactError
from twelve_runtime.artifacts.store import Store
from twelve_runtime.artifacts.tensors import Signature, stands_in
from twelve_runtime.ml import frameworks, golden, records
from twelve_runtime.ml.breaker import Breaker, State
from twelve_runtime.ml.chain import Chain, Submit
from twelve_runtime.ml.emit import Stdout
from twelve_runtime.ml.errors import BadConfig, Unusable
from twelve_runtime.ml.model import QUICK, Level, Model
from twelve_runtime.ml.settings import Default, Item, Rules, Settings, Version

GATHERS = {"sklearn-skops", "pickle", "python"}  # what MODEL_BATCH is for
NOT_WHOLE = "A new release begins with its own model; MODEL_START_DEGRADED=1 lets it begin with its fallback."
Refusals = (ArtifactError, Unusable)


@dataclass(frozen=True)
class Lineup:
    """What a process serves: a chain for each variant (the first is the control's), and every model by its version."""

    chains: Mapping[str, Chain]
    levels: Mapping[str, Level]

    @cached_property
    def chain(self) -> Chain:
        return next(iter(self.chains.values()))

    @property
    def degraded(self) -> bool:
        return any(chain.degraded for chain in self.chains.values())

    @property
    def models(self) -> list[Model]:
        return [level.model for level in self.levels.values() if level.model]


class Boot:
    """One attempt to load everything. `known`: models that are loaded already, by reference."""

    def __init__(
        self, settings: Settings, out: Stdout, submit: Submit, known: Mapping[str, Model] | None = None
    ) -> None:
        self._settings, self._out, self._submit = settings, out, submit
        self._known = dict(known or {})
        self._store: Store | None = None
        self._reasons: dict[str, str] = {}

    def lineup(self) -> Lineup:
        """Unusable when no level could be loaded, BadConfig when a key cannot be one."""
        self._check_keys()
        settings = self._settings
        refs = {one.name: one.version for one in settings.experiment.variants} if settings.experiment else {}
        starts = refs or {"": settings.version}
        fallbacks = [item for item in settings.fallback if isinstance(item, Version)]
        loaded = {ref: self._model(ref) for ref in dict.fromkeys([*starts.values(), *(one.ref for one in fallbacks)])}
        signature = next((model.manifest.signature for model in loaded.values() if model), None)
        self._compare(loaded, signature)
        levels = {ref: self._level(ref, model) for ref, model in loaded.items()}
        rest = [level for item in settings.fallback if (level := self._fallback(item, levels, signature, loaded))]
        chains = {name: self._chain(levels[ref], rest, signature) for name, ref in starts.items()}
        self._refuse_nothing(chains, starts)
        return Lineup(chains, {level.version: level for level in levels.values()})

    def _check_keys(self) -> None:
        try:
            signing.listed(",".join(self._settings.public_keys))
        except ArtifactError as error:
            raise BadConfig(str(error)) from None

    def _refuse_nothing(self, chains: Mapping[str, Chain], starts: Mapping[str, str]) -> None:
        for name, chain in chains.items():
            if not any(level.loaded for level in chain.levels):
                raise Unusable(self._reasons.get(starts[name], "No level of the chain could be loaded."))
            if chain.degraded:
                reason = self._reasons.get(starts[name], "")
                if self._settings.whole:
                    raise Unusable(f"{reason} {NOT_WHOLE}")
                self._out.event("model_degraded", model_name=self._settings.name, model_version=starts[name],
                                variant=name or None, reason=reason)  # fmt: skip

    def _model(self, ref: str) -> Model | None:
        if ref in self._known:
            return self._known[ref]
        try:
            return self._loaded(ref)
        except Refusals as error:
            self._reasons[ref] = str(error)
            return None

    def _loaded(self, ref: str) -> Model:
        settings, pin = self._settings, self._settings.pin(ref)
        with self._step("manifest", ref):
            store = self._store = self._store or Store.open(settings.store_url)
            resolved = models.resolve(store, ref, settings.name, pin=pin, public_keys=settings.public_keys)
        with self._step("files", ref):
            directory = models.fetch(store, resolved, settings.cache, allow_pickle=settings.allow_pickle)
        with self._step("load", ref):
            predict = frameworks.load(resolved.manifest, directory, settings)
        with self._step("golden", ref):
            seconds = golden.replay(resolved.manifest, predict)
        return Model(resolved.manifest, resolved.digest, predict, seconds)

    def _compare(self, loaded: dict[str, Model | None], signature: Signature | None) -> None:
        """A model with another signature cannot stand in for the first."""
        for ref, model in loaded.items():
            said = stands_in(model.manifest.signature, signature) if model and signature else ""
            if said:
                self._reasons[ref] = f"{self._settings.name}@{ref} cannot answer in the chain: {said}."
                self._told("signature", ref, 0.0, self._reasons[ref])
                loaded[ref] = None

    def _fallback(
        self, item: Item, levels: Mapping[str, Level], signature: Signature | None, loaded: Mapping[str, Model | None]
    ) -> Level | None:
        match item:
            case Version(ref):
                return levels[ref]
            case Default(fields):
                predict = records.by_default(fields)
                return Level("default", None, predict, self._breaker("default", None), certain=True)
            case Rules(target):
                return self._rules(target, signature, next((one for one in loaded.values() if one), None))

    def _rules(self, target: str, signature: Signature | None, model: Model | None) -> Level | None:
        """Tried on the first golden example: a rule that raises there is no level, one that is slow gets a thread."""
        version = f"rules:{target}"
        try:
            with self._step("rules", version):
                predict = records.by_rule(records.function(target, "MODEL_FALLBACK"), signature)
                seconds = golden.tried(model.manifest, predict) if model else 0.0
        except Refusals as error:
            self._reasons[version] = str(error)
            return None
        breaker = self._breaker(version, None)
        return Level(version, None, predict, breaker, quick=seconds < QUICK, partial=True)

    def _level(self, ref: str, model: Model | None) -> Level:
        if model is None:
            return Level(ref, self._settings.pin(ref), None, self._breaker(ref, None))
        gathers = self._settings.gather > 1 and model.manifest.framework in GATHERS
        version = model.manifest.version
        return Level(
            version, model.digest, model.predict, self._breaker(version, model.digest), model,
            quick=model.seconds < QUICK, gathered=gathers,
        )  # fmt: skip

    def _chain(self, first: Level, rest: list[Level], signature: Signature | None) -> Chain:
        levels = [first, *(level for level in rest if level.version != first.version)]
        return Chain(levels, signature, self._settings.timeout, self._submit)

    def _breaker(self, version: str, digest: str | None) -> Breaker:
        def told(before: State, after: State, failures: int) -> None:
            self._out.event("breaker", model_name=self._settings.name, model_version=version, model_sha256=digest,
                            **{"from": before, "to": after}, failures=failures)  # fmt: skip

        settings = self._settings
        return Breaker(settings.breaker_failures, settings.breaker_seconds, time.monotonic, told)

    @contextmanager
    def _step(self, step: str, ref: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        except Refusals as error:
            self._told(step, ref, time.perf_counter() - begun, str(error))
            raise
        self._told(step, ref, time.perf_counter() - begun)

    def _told(self, step: str, ref: str, seconds: float, error: str = "") -> None:
        fields: dict[str, Any] = {"error": error[:1000]} if error else {}
        self._out.event("model_boot", step=step, ms=round(seconds * 1000, 1), ok=not error,
                        model_name=self._settings.name, model_version=ref, **fields)  # fmt: skip
