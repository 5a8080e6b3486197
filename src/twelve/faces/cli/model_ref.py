"""NAME@VERSION as people write it: a number, a digest, an alias, or nothing for the newest."""

from twelve_runtime.artifacts import models, signing
from twelve_runtime.artifacts.cache import Resolved

from twelve.core.errors import NotFound
from twelve.core.policy.models import VERSION
from twelve.faces.cli.artifacts import Here, split


def resolved(here: Here, ref: str) -> Resolved:
    name, version = split(ref)
    pin = None
    if not version:
        version = newest(here, name)
    elif not VERSION.fullmatch(version):
        version, pin = aliased(here, name, version)
    keys = signing.listed(here.config.get("MODEL_PUBLIC_KEY", ""))
    return models.resolve(here.store, version, name, pin=pin, public_keys=keys)


def newest(here: Here, name: str) -> str:
    live = [found.version for found in models.versions(here.store, name) if not found.deleted]
    if not live:
        raise NotFound(f"There is no model {name} in {here.store.name}.", hint="`twelve models list` shows them.")
    return live[0]


def aliased(here: Here, name: str, alias: str) -> tuple[str, str]:
    """The number and the digest an alias was set for."""
    for one in here.aliases():
        if (one["name"], one["alias"]) == (name, alias):
            return str(one["version"]), str(one["digest"])
    raise NotFound(f"There is no alias {name}@{alias}.", hint="`twelve models alias` lists them.")
