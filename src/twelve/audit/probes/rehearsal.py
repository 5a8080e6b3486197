"""Before the first question: what app.json has for tests is run, a model is trained where there is none, web is up.

Whatever cannot be done is kept in `trial.unserved`, the reason of all probes that need a web process.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from twelve.audit.probes.patience import until
from twelve.audit.probes.probe import CannotTell
from twelve.audit.probes.trial import MODEL, STORE, USER, VERSION, Trial
from twelve.core.errors import TwelveError
from twelve.core.model import Release, RetrainingState
from twelve.core.policy.retrain import TRAIN
from twelve.core.ports import ProcessEvent
from twelve.flow import models, retrain, run_once
from twelve.flow.retrainer import Retrainer

WEB = "web"
LONGEST = 180.0  # seconds of a training, or of what makes its data
SETUP = ("environments", "test", "scripts", "test-setup")
HINT = f"A command in app.json, at {'.'.join(SETUP)}, is run before and may push data or a model."
Say = Callable[[str], None]


def prepare(trial: Trial, say: Say) -> None:
    try:
        _set_up(trial, say)
        _have_a_model(trial, say)
        _have_web(trial, say)
    except CannotTell as reason:
        trial.unserved = str(reason)
    except TwelveError as error:
        trial.unserved = f"The trial could not be prepared: {error}"


def setup_of(codebase: Path) -> str:
    """What app.json has run before tests, as Heroku CI does; empty for nothing."""
    try:
        found: Any = json.loads((codebase / "app.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return ""
    for key in SETUP:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _set_up(trial: Trial, say: Say) -> None:
    if command := setup_of(trial.codebase):
        say(f"Running what app.json has for tests: {command}")
        begun = run_once.detached(trial.platform, trial.app, command, {}, None, USER)
        if (end := _end(trial, begun.id)) is None or end.status != 0:
            how = f"did not end in {LONGEST:.0f} s" if end is None else f"exited with {end.status}"
            raise CannotTell(f"`{command}` of app.json ({'.'.join(SETUP)}) {how}: {_last_line(trial, begun.name)}")


def _have_a_model(trial: Trial, say: Say) -> None:
    """An app with a store that names no version yet trains its first one, as `twelve retrain` would."""
    release, slug = trial.release, trial.slug
    if release is None or slug is None or not _lacks_a_model(release):
        return
    if version := _newest(release):  # its setup has published one
        models.promote(trial.platform, trial.app, release.config[MODEL], version, USER)
        return
    if TRAIN not in slug.process_types:
        raise CannotTell(f"The trial's model store is empty, and there is no process type {TRAIN} to fill it. {HINT}")
    say("Training a model: the trial's store has none")
    try:
        _train(trial)
    except TwelveError as error:
        raise CannotTell(f"No model could be trained in the trial: {error} {HINT}") from None


def _train(trial: Trial) -> None:
    retrainer = Retrainer(trial.platform)
    begun = retrain.start(trial.platform, trial.app, USER)
    if _end(trial, begun.id) is None:
        trial.platform.engine.stop([begun.id])
        raise CannotTell(f"The training did not end in {LONGEST:.0f} s. {HINT}")
    retrainer.settle()
    over = retrainer.advance(begun.id)
    if over.state is RetrainingState.KEPT:
        models.promote(trial.platform, trial.app, over.model, str(over.candidate), USER)
    elif over.state is not RetrainingState.PROMOTED:
        last = f" Its last line: {_last_line(trial, begun.dyno)}" if over.exit_status else ""
        raise CannotTell(f"The training in the trial was {over.state.value}: {over.reason}{last} {HINT}")


def _have_web(trial: Trial, say: Say) -> None:
    """An app that begins with none, perhaps because there was no model."""
    if trial.slug is None or WEB not in trial.slug.process_types or trial.processes(WEB):
        return
    say("Starting a web process: its formation begins with none")
    try:
        trial.scale(WEB, 1)
    except TwelveError as error:
        raise CannotTell(f"Its formation has no web process, and `scale web=1` failed: {error} {HINT}") from None


def _lacks_a_model(release: Release) -> bool:
    config = release.config
    return bool(STORE in release.attached and config.get(MODEL) and not config.get(VERSION))


def _newest(release: Release) -> str:
    from twelve.audit.probes import stores  # noqa: PLC0415 - the store's library is large

    return next(iter(stores.versions(stores.opened(release), release.config)), "")


def _end(trial: Trial, process: UUID) -> ProcessEvent | None:
    def seen() -> ProcessEvent | None:
        ends = (event for _, event in trial.events if event.kind == "exited" and event.process.id == process)
        return next(ends, None)

    found: ProcessEvent | None = until(seen, LONGEST)
    return found


def _last_line(trial: Trial, process: str) -> str:
    lines = [line.text.strip() for line in trial.log() if line.source == "app" and line.process == process]
    return next(filter(None, reversed(lines)), "it printed nothing.")[:200]
