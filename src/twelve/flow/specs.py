"""From a release to what the engine needs for one start."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

from twelve.core.model import App, FormationEntry, FormationWish, ProcessSpec, Release, Slug
from twelve.core.policy.boot import all_checks
from twelve.core.policy.environment import process_environment
from twelve.core.policy.rollout import SHADOW, place_of
from twelve.flow.keep import WEB
from twelve.flow.platform import Platform

Place = tuple[str, int]  # ("web", 1)
SHADOWED = {"OUTCOMES": "off"}  # it answers nobody, so nothing comes of it


def slug_of(platform: Platform, release: Release | None) -> Slug | None:
    return None if release is None or release.slug_id is None else platform.slugs.get(release.slug_id)


def places(formation: Iterable[FormationEntry]) -> list[Place]:
    return [(entry.type, number) for entry in formation for number in range(1, entry.quantity + 1)]


def host(app: App) -> str:
    return f"{app.name}.localhost"


def url(platform: Platform, app: App) -> str:
    return f"http://{host(app)}:{platform.settings.router_port}"


def environment(app: App, release: Release, slug: Slug) -> dict[str, str]:
    return process_environment(
        app_id=str(app.id), app_name=app.name, host=host(app), release=release, slug=slug, config=release.config
    )


def kept(
    app: App, release: Release, slug: Slug, wanted: Sequence[Place], sizes: Mapping[str, str], *, new: bool = False
) -> list[ProcessSpec]:
    """One spec for each place of the formation, or of a rollout. `new`: the release has not served yet."""
    env = environment(app, release, slug)
    return [
        ProcessSpec(
            id=uuid4(),
            app_id=app.id,
            app=app.name,
            type=kind,
            number=number,
            release_id=release.id,
            release_version=release.version,
            command=slug.process_types[kind],
            slug=slug,
            env=env | (SHADOWED if place_of(number) == SHADOW else {}),
            kept=True,
            routed=kind == WEB,
            size=sizes.get(kind, "standard-1x"),
            wish=slug.manifest.formation.get(kind, FormationWish()),
            checks=all_checks(kind, slug.manifest.healthchecks.get(kind, ())),
            host=host(app),
            new=new,
        )
        for kind, number in wanted
    ]


def once(
    app: App, release: Release, slug: Slug, kind: str, number: int, command: str, *, size: str = "standard-1x",
    env: Mapping[str, str] | None = None, terminal: tuple[int, int] | None = None, attached: bool = False,
) -> ProcessSpec:  # fmt: skip
    """A process that runs once: a one-off, a release command, a scheduled run."""
    return ProcessSpec(
        id=uuid4(),
        app_id=app.id,
        app=app.name,
        type=kind,
        number=number,
        release_id=release.id,
        release_version=release.version,
        command=command,
        slug=slug,
        env=environment(app, release, slug) | dict(env or {}),
        kept=False,
        size=size,
        host=host(app),
        terminal=terminal,
        attached=attached,
    )
