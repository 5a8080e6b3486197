"""A model that is loaded, and a level of the chain: something that answers, with what a client is told about it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml.breaker import Breaker
from twelve_runtime.ml.tensors import Array, Arrays

Predict = Callable[[Arrays], Arrays]
QUICK = 0.005  # seconds: what is quicker runs on the event loop, the rest in threads


@dataclass(frozen=True, slots=True)
class Model:
    """Verified, loaded and replayed. `seconds`: what a prediction takes."""

    manifest: Manifest
    digest: str
    predict: Predict = field(repr=False)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Level:
    """`model` is None for rules and defaults, `predict` for a model that could not be loaded.

    `version` is what clients read: "3", "rules:app.rules:predict", "default".
    """

    version: str
    digest: str | None
    predict: Predict | None
    breaker: Breaker
    model: Model | None = None
    quick: bool = True
    gathered: bool = False
    partial: bool = False  # rules: some of the outputs are enough
    certain: bool = False  # a default: its answer is not looked at

    @property
    def inline(self) -> bool:
        """Asked where the request is, without a thread or company."""
        return self.quick and not self.gathered

    @property
    def loaded(self) -> bool:
        return self.predict is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """`fallback` is the number of the level, `reason` why the levels before it did not answer."""

    level: Level
    outputs: Mapping[str, Array]
    rows: int
    fallback: int = 0
    reason: str | None = None


@dataclass(slots=True)
class Call:
    """What a request says about itself, and where it belongs in an experiment. Nothing of it outlives the request."""

    request_id: str
    prediction_id: str
    experiment: str | None = None
    variant: str | None = None
    phase: str | None = None
    unit_hash: str | None = None
    release: str | None = None
    shadow: bool = False
    begun: float = 0.0
    extra: dict[str, Any] = field(default_factory=dict)
