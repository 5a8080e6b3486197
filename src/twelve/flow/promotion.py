"""A candidate that has passed: a release with its number in config, for everybody or as a canary. Done twice it is done
once.
"""

from twelve.core.errors import ReleaseError
from twelve.core.model import App, Release, ReleaseStatus, Retraining, RetrainingState
from twelve.core.model.rollout import BUCKETS
from twelve.core.policy import retrain as policy
from twelve.core.policy import rollout
from twelve.core.policy.retrain import Next
from twelve.flow import candidates, configure, rollouts
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
    match policy.on_pass(release.config):
        case "keep":
            advice = f"{one.reason} `twelve models promote {one.model}@{one.candidate}` serves it."
            return Next(RetrainingState.KEPT, advice)
        case "canary" if one.champion:  # before the first version there is nobody to share requests with
            return _canary(platform, app, one, release)
    return _done(one, _released(platform, app, one))


def _released(platform: Platform, app: App, one: Retraining) -> Release:
    """Where an earlier attempt was cut off between config and release, only the release is left to do."""
    made = configure.change(platform, app, _config(one), one.user)
    if made is not None:
        return made
    with platform.database.lock(app.id, "release"):
        text = f"Promote {one.model}@{one.candidate}"
        return configure.release_again(platform, app, text, one.user)


def _canary(platform: Platform, app: App, one: Retraining, control: Release) -> Next:
    """A rollout with a small share, which takes its steps by itself; promoting it at its end is a person's."""
    name = policy.canary_name(one.model, str(one.candidate))
    running = platform.rollouts.running(app.id)
    if running is None or running.name != name:
        version = _candidate(platform, app, one).version
        unit = rollout.unit(control.config.get(policy.CANARY_UNIT, "") or policy.USUAL_UNIT)
        shares = {control.version: BUCKETS - policy.CANARY, version: policy.CANARY}
        running = rollouts.start(platform, app, rollouts.Wish(shares, unit, name, settings={"canary": True}), one.user)
    share = policy.CANARY * 100 // BUCKETS
    reason = f"{one.reason} It is a canary with {share} % of the requests: `twelve rollout status -a {app.name}`."
    return Next(RetrainingState.PROMOTED, reason, promoted=running.treatments[0].release)


def _candidate(platform: Platform, app: App, one: Retraining) -> Release:
    """The release of an earlier attempt, where one was cut off before its rollout."""
    for release in reversed(platform.releases.list(app.id)):
        made = release.candidate and release.status == ReleaseStatus.SUCCEEDED
        if made and serving(release, one.model) == one.candidate:
            return release
    return candidates.with_config(platform, app, _config(one), one.user)


def _config(one: Retraining) -> dict[str, str | None]:
    return {"MODEL_NAME": one.model, "MODEL_VERSION": one.candidate}


def _done(one: Retraining, release: Release) -> Next:
    return Next(RetrainingState.PROMOTED, one.reason, promoted=release.version)
