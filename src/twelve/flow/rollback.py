"""Rollback: a new release with the slug, the config and the attachments of an earlier one. Nothing is built."""

from dataclasses import dataclass
from datetime import UTC, datetime

from twelve.core.errors import BootCrash, ReleaseError, TwelveError
from twelve.core.model import App, Release, ReleaseStatus
from twelve.core.policy.probation import PERIOD, RollBack
from twelve.flow.configure import restore_layers
from twelve.flow.platform import Platform
from twelve.flow.releasing import Serving, Silent, draft, failure, started
from twelve.flow.rollout_ending import abort_if_running
from twelve.flow.specs import slug_of

BY = "rolled_back_by"  # in the failure of a release that kept crashing: the number of the one made because of it


@dataclass(frozen=True, slots=True)
class Reason:
    description: str
    user: str
    automatic: bool = False


def rollback(platform: Platform, app: App, ref: str | None, user: str) -> Release:
    """Without `ref`: to the release before the current one. Returns when it serves."""
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        target = _target(platform, app, ref)
        abort_if_running(platform, app, f"Rollback to v{target.version}", user)
        return go_back(platform, app, target, Reason(f"Rollback to v{target.version}", user))


def after_crashes(platform: Platform, release: Release, verdict: RollBack) -> None:
    """The verdict of probation, carried out and told in the ledger; unless something newer serves by now."""
    try:
        _judge(platform, release, verdict)
    finally:
        platform.keeper.help_came(release.app_id)
        for app in platform.apps.list():
            if app.id == release.app_id:
                platform.keeper.refresh(app)


def _judge(platform: Platform, release: Release, verdict: RollBack) -> None:
    with platform.database.lock(release.app_id, "release"):
        app = next((app for app in platform.apps.list() if app.id == release.app_id), None)
        if app is None or app.stopped or app.current_release != release.id:
            return
        try:
            target = _target(platform, app, None)
            told = f"{verdict.type} exited {verdict.exits} times within {PERIOD:g} seconds of the switch"
            platform.logs.write(app.name, "api", f"v{release.version} does not stay up: {told}", source="app")
            description = f"Rollback to v{target.version}: v{release.version} kept crashing"
            abort_if_running(platform, app, description, platform.user)
            newer = go_back(platform, app, target, Reason(description, platform.user, automatic=True))
        except TwelveError as error:
            platform.logs.write(app.name, "api", f"v{release.version} keeps serving: {error}", source="app")
            return
        crash = BootCrash(f"{told}; v{newer.version} went back to v{target.version}.")
        told_again = failure(crash, "run") | {BY: newer.version}
        platform.releases.finish(release, ReleaseStatus.FAILED, told_again)


def resume_probation(platform: Platform, app: App) -> None:
    """A server that starts goes on watching what another one had switched to less than a minute ago."""
    release = platform.releases.current(app)
    if release is None or app.stopped:
        return
    age = (datetime.now(UTC) - release.updated_at).total_seconds()
    if age < PERIOD:
        releases = platform.releases.list(app.id)
        automatic = any((one.failure or {}).get(BY) == release.version for one in releases)
        first = not eligible(releases)[1:]
        platform.probation.begin(release, exempt=automatic or first, ago=age)


def go_back(platform: Platform, app: App, target: Release, reason: Reason) -> Release:
    """The caller holds the release lock."""
    before = platform.config.dotenv(app.id), platform.config.get(app.id)
    attachments = {attachment.name: attachment for attachment in platform.attachments.list(app.id)}
    try:
        restore_layers(platform, app, target.dotenv, target.own)
        _restore_attachments(platform, app, target)
        return _release(platform, app, target, reason)
    except TwelveError:
        restore_layers(platform, app, *before)
        for attachment in platform.attachments.list(app.id):
            platform.attachments.delete(attachment.id)
        for attachment in attachments.values():
            platform.attachments.create(app.id, attachment.resource_id, attachment.name)
        raise


def eligible(releases: list[Release]) -> list[Release]:
    """Newest first: everything that has served alone and has something to run."""
    return [
        one
        for one in reversed(releases)
        if one.status == ReleaseStatus.SUCCEEDED and one.slug_id is not None and not one.candidate
    ]


def _target(platform: Platform, app: App, ref: str | None) -> Release:
    if ref is not None:
        target = platform.releases.get(app.id, ref)
        if target.status != ReleaseStatus.SUCCEEDED:
            raise ReleaseError(f"v{target.version} failed, so it is nothing to go back to.")
        if target.candidate:
            raise ReleaseError(
                f"v{target.version} is a candidate that has never served alone.",
                hint="`twelve rollout start` and `promote` let it serve.",
            )
        return target
    earlier = eligible(platform.releases.list(app.id))[1:]
    if not earlier:
        raise ReleaseError(f"{app.name} has no earlier release to go back to.")
    return earlier[0]


def _restore_attachments(platform: Platform, app: App, target: Release) -> None:
    """Under the names they had then; a service that was destroyed meanwhile cannot come back."""
    by_name = {resource.name: resource for resource in platform.resources.list()}
    gone = [name for name in target.attachments.values() if name not in by_name]
    if gone:
        raise ReleaseError(f"v{target.version} used {', '.join(gone)}, which has been removed since.")
    for attachment in platform.attachments.list(app.id):
        platform.attachments.delete(attachment.id)
    for name, resource in target.attachments.items():
        platform.attachments.create(app.id, by_name[resource].id, name)


def _release(platform: Platform, app: App, target: Release, reason: Reason) -> Release:
    slug = slug_of(platform, target)
    platform.logs.write(app.name, "api", f"{reason.description} by user {reason.user}", source="app")
    release = platform.releases.create(draft(platform, app, slug, reason.description, reason.user, like=target))
    app = started(platform, app)
    return Serving(platform, app, release, slug, Silent(), urgent=True, automatic=reason.automatic).run()
