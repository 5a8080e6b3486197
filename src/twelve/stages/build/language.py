"""What a language is to a build: a dependency layer keyed by its ingredients, products for the app layer, and what
a process needs at run time. One file a language implements it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from twelve.stages.build.workshop import Workshop

RECIPE = "1"  # changes when the same ingredients would make another layer


@dataclass(frozen=True, slots=True)
class Runtime:
    """`path` entries and `env` as seen under /app; `binds` are host directories a process must see."""

    path: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[str, ...] = ()


class Language(Protocol):
    name: str
    runtime: Runtime

    @property
    def title(self) -> str:
        """What was chosen and why, in one line: "Python 3.11.7 from .python-version"."""

    @property
    def ingredients(self) -> Mapping[str, str]:
        """Everything the dependency layer is made from; empty when there is none to make."""

    def equip(self) -> None:
        """Have what its commands and its processes need on this machine, outside of any layer."""

    def install(self, shop: Workshop) -> None:
        """Make the dependencies in the workshop."""

    def layer_names(self, tree: Path) -> Sequence[str]:
        """Which directories of the workshop's tree are the dependencies, by their relative names."""

    @property
    def has_products(self) -> bool:
        """Whether the app layer holds more than the source."""

    @property
    def process_types(self) -> Mapping[str, str]:
        """What it would run without a Procfile, where that takes no look at the code; mostly empty."""

    def produce(self, shop: Workshop) -> None:
        """Run the codebase's own build, with the dependencies in place."""


def layer_key(language: Language) -> str:
    recipe = {"recipe": RECIPE, "language": language.name, **language.ingredients}
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file, or "" where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
