"""Candidate releases: checked and on record, with their release command run, and no request until a rollout gives them
some.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from twelve.core.errors import ReleaseError
from twelve.core.model import App, ConfigVars, Release, Slug
from twelve.core.ports import Progress
from twelve.flow import configure
from twelve.flow.platform import Platform
from twelve.flow.releasing import Serving, Silent, draft
from twelve.flow.specs import slug_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """`own` config vars and `dotenv` are its own; the app's stay as they are. None: the app's."""

    slug: Slug
    description: str
    own: ConfigVars | None = None
    dotenv: ConfigVars | None = None


def check(platform: Platform, app: App) -> Release:
    """There is something to be a candidate beside."""
    current = platform.releases.current(app)
    if current is None or current.slug_id is None:
        raise ReleaseError(f"{app.name} has nothing released yet, so there is nothing to be a candidate beside.")
    return current


def make(platform: Platform, app: App, wish: Candidate, user: str, progress: Progress | None = None) -> Release:
    """The caller holds the release lock."""
    check(platform, app)
    planned = draft(platform, app, wish.slug, wish.description, user, own=wish.own, dotenv=wish.dotenv, candidate=True)
    release = platform.releases.create(planned)
    return Serving(platform, app, release, wish.slug, progress or Silent()).prepare()


def with_config(
    platform: Platform, app: App, updates: Mapping[str, str | None], user: str, *, why: str = ""
) -> Release:
    """What the app runs, with other config vars."""
    configure.check(platform, app, updates)
    with platform.database.lock(app.id, "release"):
        app = platform.apps.get(app.id)
        slug = slug_of(platform, check(platform, app))
        own = platform.config.get(app.id).changed(updates)
        if slug is None:
            raise ReleaseError(f"{app.name} has nothing to run.")
        what = f"{why or configure.description(updates)} as a candidate"
        return make(platform, app, Candidate(slug, what, own), user)


def advice(platform: Platform, app: App, release: Release) -> str:
    current = check(platform, app)
    shares = f"v{current.version}=90 v{release.version}=10"
    return f"It gets requests with `twelve rollout start -a {app.name} {shares} --unit header:X-User-Id`."
