"""A change of config is a release: the same slug with other values, booted, checked and switched like a deploy."""

import re
from collections.abc import Mapping

from twelve.core.errors import ConfigError
from twelve.core.model import App, ConfigVars, Release
from twelve.core.policy.models import PLATFORM_SET
from twelve.flow.platform import Platform
from twelve.flow.releasing import (
    Serving,
    Silent,
    attached_config,
    draft,
    effective,
    refuse_during_rollout,
)
from twelve.flow.specs import slug_of

KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

__all__ = ["change", "effective", "release_again"]


def change(
    platform: Platform, app: App, updates: Mapping[str, str | None], user: str, *, why: str = ""
) -> Release | None:
    """Set and unset config vars; None as a value removes a key. Returns when the new release serves.

    Gives None when nothing changed. `why` describes the release, else its keys do. When the new release does not come
    up, the config goes back with it.
    """
    check(platform, app, updates)
    with platform.database.lock(app.id, "release"):
        before = platform.config.get(app.id)
        after = before.changed(updates)
        if after == before:
            return None
        refuse_during_rollout(platform, app)
        platform.config.replace(app.id, after)
        describe = why or description(updates)
        platform.logs.write(app.name, "api", f"{describe} by user {user}", source="app")
        try:
            return release_again(platform, app, describe, user)
        except Exception:
            platform.config.replace(app.id, before)
            raise


def release_again(
    platform: Platform, app: App, description: str, user: str, *, run_command: bool = True, automatic: bool = False
) -> Release:
    """A new release of what is current, with today's config and attachments. The caller holds the release lock."""
    app = platform.apps.get(app.id)
    refuse_during_rollout(platform, app)
    slug = slug_of(platform, platform.releases.current(app))
    release = platform.releases.create(draft(platform, app, slug, description, user))
    return Serving(platform, app, release, slug, Silent(), run_command=run_command, automatic=automatic).run()


def check(platform: Platform, app: App, updates: Mapping[str, str | None]) -> None:
    attached, _ = attached_config(platform, platform.attachments.list(app.id))
    for key, value in updates.items():
        if not KEY.fullmatch(key):
            raise ConfigError(f'"{key}" is not a config key: letters, digits and "_", no digit first.')
        if value is not None and "\0" in value:
            raise ConfigError(f"The value of {key} contains a NUL character, which no process can receive.")
        if key in PLATFORM_SET:
            raise ConfigError(
                f"{key} is set by the platform, from MODEL_NAME and MODEL_VERSION, for each release.",
                hint="`twelve config set MODEL_VERSION=N` chooses another model.",
            )
        if key in attached:
            raise ConfigError(f"{key} comes from an attached service.", hint="Detach the service first.")


def description(updates: Mapping[str, str | None]) -> str:
    """Names only, never values."""
    put = [key for key, value in updates.items() if value is not None]
    removed = [key for key, value in updates.items() if value is None]
    parts = [f"{verb} {', '.join(keys)}" for verb, keys in (("Set", put), ("Unset", removed)) if keys]
    return f"{' and '.join(parts)} config vars"


def restore_layers(platform: Platform, app: App, dotenv: ConfigVars, own: ConfigVars) -> None:
    platform.config.replace(app.id, dotenv, "dotenv")
    platform.config.replace(app.id, own)
