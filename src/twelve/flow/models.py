"""Models by alias: what an alias means is found out when it is set or promoted, never when a process runs."""

from twelve.core.errors import BadModel, ConfigError, UsageError
from twelve.core.model import Alias, App, ConfigVars, Release
from twelve.core.policy.models import ALIAS, VERSION
from twelve.flow import candidates, configure
from twelve.flow.platform import Platform
from twelve.flow.releasing import effective


def set_alias(platform: Platform, app: App, name: str, alias: str, version: str, user: str) -> Alias:
    """`alias` means `version` (a number, a digest, or what another alias means now) from now on."""
    if not ALIAS.fullmatch(alias):
        raise UsageError(f'"{alias}" is not an alias: a letter, then a-z, 0-9, ".", "_" and "-", at most 63.')
    number, digest = looked_up(platform, app, name, version)
    made = platform.aliases.add(app.id, name, alias, number, digest, user)
    _say(platform, app, f"{name}@{alias} is {name}@{number} by user {user}")
    return made


def remove_alias(platform: Platform, app: App, name: str, alias: str, user: str) -> Alias:
    platform.aliases.get(app.id, name, alias)
    made = platform.aliases.add(app.id, name, alias, None, None, user)
    _say(platform, app, f"{name}@{alias} was removed by user {user}")
    return made


def promote(
    platform: Platform, app: App, name: str, version: str, user: str, *, candidate: bool = False
) -> Release | None:
    """A release that serves this version; None when the current one does so already. `candidate`: without requests."""
    number, _ = looked_up(platform, app, name, version)
    updates = {"MODEL_NAME": name, "MODEL_VERSION": number}
    why = f"Promote {name}@{number}" + ("" if version == number else f" ({name}@{version[:20]})")
    change = candidates.with_config if candidate else configure.change
    return change(platform, app, updates, user, why=why)


def looked_up(platform: Platform, app: App, name: str, version: str) -> tuple[str, str]:
    """Number and digest of "3", "sha256:…" or an alias; an alias still has to mean the digest it was set for."""
    from twelve.stages.models.resolve import digest_of  # noqa: PLC0415 - the store's library is large, and few apps ask

    config = store_config(platform, app)
    if VERSION.fullmatch(version):
        return digest_of(name, version, config)
    alias = platform.aliases.get(app.id, name, version)
    if alias.version is None:
        raise BadModel(f"{name}@{version} was removed.")
    return digest_of(name, alias.version, config, pin=alias.digest)


def store_config(platform: Platform, app: App) -> ConfigVars:
    config = effective(platform, app)
    if not config.get("MODEL_STORE_URL"):
        raise ConfigError(
            f"{app.name} has no model store: MODEL_STORE_URL is not set.",
            hint=f"`twelve services add s3 --as MODEL_STORE -a {app.name}` makes one.",
        )
    return config


def _say(platform: Platform, app: App, text: str) -> None:
    platform.logs.write(app.name, "api", text, source="app")
