"""A model that a release serves: pinned by digest when the release is made, so that it never changes under it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """`pins`: what config calls a version (the model itself and its fallbacks) -> its digest. `data`: the tree of the
    training data, where the model says so."""

    name: str
    version: str
    digest: str
    pins: Mapping[str, str] = field(default_factory=dict)
    data: str = ""

    @property
    def ref(self) -> str:
        return f"{self.name}@{self.version}"

    def config(self) -> dict[str, str]:
        """What the platform adds to the config of the release."""
        pins = json.dumps(dict(self.pins), sort_keys=True, separators=(",", ":"))
        return {"MODEL_SHA256": self.digest, "MODEL_PINS": pins}

    def document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ModelWish:
    """What config asks for. `fallbacks` are the versions among the fallbacks, in their order."""

    name: str
    version: str
    fallbacks: tuple[str, ...]
    store_url: str
    public_keys: str = ""
    allow_pickle: bool = False


@dataclass(frozen=True, slots=True)
class Alias:
    """One entry of an alias's history; without a version the alias was removed."""

    name: str
    alias: str
    version: str | None
    digest: str | None
    user: str
    created_at: datetime
