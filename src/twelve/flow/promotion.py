"""A candidate that has passed: a release with its number in config. Done twice it is done once."""

from twelve.core.errors import ReleaseError
from twelve.core.model import App, Release, Retraining, RetrainingState
from twelve.core.policy import retrain as policy
from twelve.core.policy.retrain import Next
from twelve.flow import configure
from twelve.flow.gate import serving
from twelve.flow.platform import Platform


def promote(platform: Platform, app: App, one: Retraining) -> Next:
    """By RETRAIN_ON_PASS. `champion` must still serve: the candidate was compared with that one."""
    release = platform.releases.current(app)
    if release is None or one.candidate is None:
        raise ReleaseError(f"{app.name} has nothing that could serve {one.model}.")
    serves = serving(release, one.model)
    if serves == one.candidate:
        return _done(one, release)
    if (serves or "") != (one.champion or ""):
        raise ReleaseError(
            f"{one.model}@{one.candidate} was compared with version {one.champion or 'none'}, and {serves} serves now.",
            hint="The next retraining compares anew.",
        )
    if policy.on_pass(release.config) == "keep":
        return Next(
            RetrainingState.KEPT, f"{one.reason} `twelve models promote {one.model}@{one.candidate}` serves it."
        )
    return _done(one, _released(platform, app, one))


def _released(platform: Platform, app: App, one: Retraining) -> Release:
    """Where an earlier attempt was cut off between config and release, only the release is left to do."""
    updates = {"MODEL_NAME": one.model, "MODEL_VERSION": one.candidate}
    made = configure.change(platform, app, updates, one.user)
    if made is not None:
        return made
    with platform.database.lock(app.id, "release"):
        text = f"Promote {one.model}@{one.candidate}"
        return configure.release_again(platform, app, text, one.user)


def _done(one: Retraining, release: Release) -> Next:
    return Next(RetrainingState.PROMOTED, one.reason, promoted=release.version)
