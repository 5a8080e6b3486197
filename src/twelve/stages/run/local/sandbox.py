"""Which isolation this machine grants: bubblewrap, else Landlock, else none; probed once, and said aloud."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from twelve.core.errors import PlatformError
from twelve.core.model import ProcessSpec
from twelve.infra.components import bubblewrap
from twelve.stages.run.local.bubblewrap import Bubblewrap
from twelve.stages.run.local.copied import Copied
from twelve.stages.run.local.spawn import Command, Start, Streams

log = logging.getLogger(__name__)

MEANING = {
    "bwrap": "every process has a read-only slug under an ephemeral overlay, a private /tmp and its own process space",
    "landlock": "bubblewrap is refused here; processes run in a copy of their slug and cannot write outside it",
    "none": "bubblewrap and Landlock are refused here; processes run in a copy of their slug, otherwise unconfined",
}


class Sandbox(Protocol):
    """`place` is the directory of one process in the platform's run directory; `spawn` gives what waits for the pid."""

    name: str

    def granted(self) -> bool: ...
    def refresh(self) -> None: ...
    def home(self, place: Path) -> Path: ...
    def prepare(self, spec: ProcessSpec, place: Path) -> None: ...
    def start(self, spec: ProcessSpec, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Start: ...
    def spawn(self, start: Start, streams: Streams, status_file: Path) -> Callable[[], int]: ...
    def close(self) -> None: ...
    def inside(self, init: int, place: Path, env: Mapping[str, str], argv: Sequence[str]) -> Command: ...


def choose(wanted: str, directory: Path) -> Sandbox:
    """`wanted`: bwrap, landlock or none; empty for the best that is granted."""
    offers: list[Sandbox] = [Bubblewrap(bubblewrap(), directory), Copied(landlock=True), Copied(landlock=False)]
    if wanted:
        chosen = next((offer for offer in offers if offer.name == wanted), None)
        if chosen is None or not chosen.granted():
            raise PlatformError(f'TWELVE_SANDBOX is "{wanted}", which this machine does not grant.', hint="Unset it.")
        return chosen
    chosen = next(offer for offer in offers if offer.granted())
    log.log(logging.INFO if chosen.name == "bwrap" else logging.WARNING, "isolation: %s", MEANING[chosen.name])
    return chosen
