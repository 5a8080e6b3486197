"""AI02, observed: a model whose file is not what was released is refused, or answered for by a flagged fallback."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from twelve.audit.facts.ml import MODEL_FILE
from twelve.audit.model import Severity
from twelve.audit.probes.inference import Inputs, another, asking, predicted
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import STORE, Trial

PROBES = Probebook()
MOST = 50  # files of models in a codebase


@PROBES.asks(
    "AI02-live-tamper", Severity.ERROR, "A model with one changed byte is not served as if nothing had happened.",
    fix="Compare the digest of each file of a model with the release's before it is loaded; refuse it, or fall back.",
)  # fmt: skip
def refuses_a_changed_model(trial: Trial) -> Saw:
    """A process that starts while the byte is another one, and one that starts when it is put back."""
    process, inputs = asking(trial)
    with _flipped(trial, predicted(trial, process, inputs).version) as told:
        seen = _of_a_new_process(trial, inputs)
    again = "`sha256sum` of the model's file, and what the app compares it with"
    if seen == SERVED:
        return Saw(False, f"One byte of {told} was changed, and a process that started then answered with it.", again)
    if (after := _of_a_new_process(trial, inputs)) != SERVED:
        raise CannotTell(f"One byte of {told} was changed and put back, and a new process {after} then, too.")
    return Saw(True, f"One byte of {told} was changed: a process that started then {seen}.", again)


SERVED = "answered"


def _of_a_new_process(trial: Trial, inputs: Inputs) -> str:
    with another(trial, {}) as result:
        if result.kind != "up":
            last = next(filter(None, reversed(result.tail)), "")[:200]
            return f"did not come up ({last or result.detail or result.kind})"
        seen = predicted(trial, result.process, inputs)
    if seen.degraded:
        return "answered by a fallback that says so"
    return SERVED if seen.status == 200 else f"answered {seen.status or 'nothing'}"


@contextlib.contextmanager
def _flipped(trial: Trial, version: str) -> Iterator[str]:
    """Where the app reads its model from: the trial's store, or the release itself. Gives what was changed."""
    release = trial.release
    if release is not None and STORE in release.config:
        from twelve.audit.probes import stores  # noqa: PLC0415 - the store's library is large

        store = stores.opened(release)
        name, path = stores.file_of(store, release.config, version)
        with stores.flipped(store, path):
            yield f"{name}, in the store,"
        return
    files = _of_the_release(trial)
    with ExitStack() as changed:
        for file in files:
            changed.enter_context(flipped_file(file))
        yield f"{_several(files)}, in the release,"


def _of_the_release(trial: Trial) -> list[Path]:
    slug = trial.slug
    own = [layer.path for layer in slug.layers if layer.kind == "app"] if slug else []
    found = sorted(file for root in own for file in root.rglob("*") if is_model(file))[:MOST]
    if not found:
        raise CannotTell(f"It reads its model neither from a store ({STORE}) nor from a model's file in its code.")
    return found


def is_model(file: Path) -> bool:
    return bool(MODEL_FILE.search(file.name)) and file.is_file() and not file.is_symlink() and file.stat().st_size > 0


@contextlib.contextmanager
def flipped_file(file: Path) -> Iterator[None]:
    """Another file under its name: what shares its content with it is left alone."""
    from twelve.audit.probes.stores import with_a_flip  # noqa: PLC0415 - the store's library is large

    kept, other, mode = file.with_name(f".{file.name}.kept"), file.with_name(f".{file.name}.other"), _writable(file)
    try:
        other.write_bytes(with_a_flip(file.read_bytes()))
        other.chmod(file.stat().st_mode)
        os.link(file, kept)
        other.replace(file)
        yield
    finally:
        other.unlink(missing_ok=True)
        if kept.exists():
            kept.replace(file)
        file.parent.chmod(mode)


def _writable(file: Path) -> int:
    """Its directory is, from now on; gives what it was before."""
    mode = file.parent.stat().st_mode
    file.parent.chmod(mode | 0o700)
    return mode


def _several(files: Sequence[Path]) -> str:
    return files[0].name if len(files) == 1 else f"each of {len(files)} files of models"
