"""What `models` and `datasets` share: the app's store, opened with the app's own config, and progress for large files.

The store is a backing service of the app, so commands talk to it themselves; what the ledger knows comes from the API.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from twelve_runtime.artifacts.store import Store

from twelve.core.errors import ConfigError, NotFound, UsageError
from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.which_app import app_name
from twelve.stages.models import words

WORTH_A_BAR = 32 * 1024 * 1024  # bytes
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
STEP = 1024

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Here:
    """An app, and the store its config names."""

    client: Client
    app: str
    config: Mapping[str, str]
    store: Store

    @property
    def path(self) -> str:
        return f"/apps/{segment(self.app)}"

    def aliases(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(f"{self.path}/model-aliases")
        return found


def opened(app: str | None, *, make: bool = False) -> Here:
    """`make`: a directory that is not there yet, by whoever is about to publish."""
    client = Client.here()
    name = app_name(client, app)
    config = client.get(f"/apps/{segment(name)}/config-vars")
    url = config.get("MODEL_STORE_URL")
    if not url:
        raise ConfigError(
            f"{name} has no model store: MODEL_STORE_URL is not set.",
            hint=f"`twelve services add s3 --as MODEL_STORE -a {name}` makes one.",
        )
    return Here(client, name, config, Store.open(url, config, make=make))


def told(listing: str = "models") -> AbstractContextManager[None]:
    """The library's errors as a command's: a version that is not there is a name nobody knows."""
    return words.told(unknown=NotFound, listing=listing)


def signing_key(file: Path | None) -> str:
    """From --key, else from MODEL_SIGNING_KEY; empty for no signature."""
    if file is None:
        return os.environ.get("MODEL_SIGNING_KEY", "")
    return file.read_bytes().decode(errors="replace").strip()


def split(ref: str, *, needed: str = "") -> tuple[str, str]:
    """ "digits@3" -> ("digits", "3"). `needed`: what to say when there is no version."""
    name, _, version = ref.partition("@")
    if needed and not version:
        raise UsageError(f'"{ref}" names no {needed}: NAME@{needed.upper()}.')
    return name, version


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """A bar on a terminal, when it takes long enough to look at."""
    if total < WORTH_A_BAR or not sys.stderr.isatty():
        yield _nothing
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield lambda _path, count: bar.update(count)


def human(size: int) -> str:
    value, unit = float(size), 0
    while value >= STEP and unit < len(UNITS) - 1:
        value, unit = value / STEP, unit + 1
    return f"{size} B" if unit == 0 else f"{value:.1f} {UNITS[unit]}"


def _nothing(_path: str, _count: int) -> None: ...


def say_pulled(ref: str, directory: Path, files: int) -> None:
    click.echo(f"{ref} is in {directory}: {files} {'file' if files == 1 else 'files'}, verified.")
