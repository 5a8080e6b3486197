"""The model of a release: what config asks for, looked up in the app's own store and pinned by digest."""

from twelve.core.model import App, ConfigVars, ModelVersion
from twelve.core.policy.models import PLATFORM_SET, unchanged, wish
from twelve.flow.platform import Platform


def pinned(platform: Platform, app: App, config: ConfigVars) -> ModelVersion | None:
    """While config asks for the same, the current release's pins stay: other changes need no store.

    BadModel, ServiceUnreachable: there is no such model, or it is not to be served.
    """
    current = platform.releases.current(app)
    if current is not None and current.model is not None and unchanged(current.config, config):
        return current.model
    asked = wish(config)
    if asked is None:
        return None
    from twelve.stages.models.resolve import resolve  # noqa: PLC0415 - the store's library is large, and few apps ask

    return resolve(asked, config)


def without_pins(config: ConfigVars) -> ConfigVars:
    """Pins are the platform's to set; a development .env may hold some."""
    return config if PLATFORM_SET.isdisjoint(config) else config.changed(dict.fromkeys(PLATFORM_SET))
