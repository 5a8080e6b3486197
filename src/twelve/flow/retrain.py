"""Retraining, its first step: the app's process type `train` as a one-off of the current release, put on record.

prepare: which command, which data ▶ on record ▶ started. What follows its end: retrainer.py
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from twelve.core.errors import ConfigError, RunError
from twelve.core.model import App, ProcessSpec, Release, Retraining, RetrainingState, Slug
from twelve.core.policy import retrain as policy
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.retrain import TRAIN
from twelve.flow import specs
from twelve.flow.platform import Platform

DATA = "TRAINING_DATA_VERSION"


def start(platform: Platform, app: App, user: str, *, accept_drift: bool = False) -> Retraining:
    """By hand. Returns when the training runs."""
    if app.stopped:
        raise RunError(f"{app.name} is stopped.")
    platform.logs.write(app.name, "api", f"Retraining by user {user}", source="app")
    return begin(platform, app, uuid4(), TRAIN, user, accept_drift=accept_drift)


def begin(
    platform: Platform, app: App, run: UUID, command: str, user: str, *, accept_drift: bool = False,
    announce: Callable[[ProcessSpec], object] = lambda _spec: None,
) -> Retraining:  # fmt: skip
    """`announce` is told the process after the retraining is on record and before it starts."""
    release, slug = current(platform, app)
    model = _model(app, release)
    data = _data(release, model)
    spec = _spec(platform, app, release, slug, command, {DATA: data} if data else {}, run)
    now = datetime.now(UTC)
    made = platform.retrainings.create(
        Retraining(
            id=run, app_id=app.id, state=RetrainingState.TRAINING, user=user, dyno=spec.name,
            release_version=release.version, model=model, created_at=now, updated_at=now,
            data=data or release.config.get(DATA, ""), accept_drift=accept_drift,
        )
    )  # fmt: skip
    try:
        announce(spec)
        platform.engine.start([spec])
    except Exception as error:
        platform.retrainings.move(run, RetrainingState.FAILED, reason=str(error), exit_code=RunError.exit_code)
        raise
    return made


def free_number(platform: Platform, app: App) -> int:
    taken = {process.number for process in platform.engine.processes(app.id)}
    return secrets.choice([number for number in ONE_OFFS if number not in taken])


def current(platform: Platform, app: App) -> tuple[Release, Slug]:
    """Raises RunError where nothing is released yet."""
    release = platform.releases.current(app)
    slug = specs.slug_of(platform, release)
    if release is None or slug is None:
        raise RunError(f"{app.name} has nothing released yet.", hint="Deploy it first with `twelve up`.")
    return release, slug


def check_trains(app: App, slug: Slug, command: str) -> None:
    """Raises RunError unless `command` is a process type of it."""
    if command not in slug.process_types:
        raise RunError(
            f"{app.name} has no process type {command}.",
            hint=f"Its Procfile needs a line such as `{TRAIN}: python -m train`.",
        )


def _model(app: App, release: Release) -> str:
    for key, hint in (
        ("MODEL_STORE_URL", f"`twelve services add s3 --as MODEL_STORE -a {app.name}` makes a store."),
        ("MODEL_NAME", f"`twelve config set -a {app.name} MODEL_NAME=...` says which model it is about."),
    ):
        if not release.config.get(key):
            raise ConfigError(f"{app.name} cannot be retrained: {key} is not set.", hint=hint)
    return release.config["MODEL_NAME"]


def _data(release: Release, model: str) -> str:
    """What `latest` means now; empty where config names a version, or nothing."""
    config = release.config
    name = policy.wants_latest(config.get(DATA, ""))
    if name is None:
        return ""
    from twelve.stages.models.candidates import newest_data  # noqa: PLC0415 - the store's library is large

    dataset = name or config.get("TRAINING_DATA") or model
    return f"{dataset}@{newest_data(dataset, config)}"


def _spec(
    platform: Platform, app: App, release: Release, slug: Slug, command: str, env: Mapping[str, str], run: UUID
) -> ProcessSpec:
    check_trains(app, slug, command)
    sizes = {entry.type: entry.size for entry in platform.formations.list(app.id)}
    number, line = free_number(platform, app), slug.process_types[command]
    made = specs.once(app, release, slug, TRAIN, number, line, size=sizes.get(command, "standard-1x"), env=env)
    return replace(made, id=run)
