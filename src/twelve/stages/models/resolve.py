"""ModelWish -> ModelVersion: the model and its fallbacks exist, are signed, fit each other, and get their pins."""

from collections.abc import Mapping

from twelve_runtime.artifacts import models, signing
from twelve_runtime.artifacts.cache import Resolved, guard
from twelve_runtime.artifacts.store import Store
from twelve_runtime.artifacts.tensors import stands_in

from twelve.core.errors import BadModel
from twelve.core.model import ModelVersion, ModelWish
from twelve.stages.models.words import told


def resolve(wish: ModelWish, environ: Mapping[str, str]) -> ModelVersion:
    """Reads manifests, where everything else is pinned, and asks whether the files are there. `environ`: the config."""
    with told():
        store = Store.open(wish.store_url, environ)
        keys = signing.listed(wish.public_keys)
        primary = _checked(store, wish, wish.version, keys)
        pins = {wish.version: primary.digest}
        for ref in wish.fallbacks:
            fallback = _checked(store, wish, ref, keys)
            if reason := stands_in(fallback.manifest.signature, primary.manifest.signature):
                raise BadModel(
                    f"{fallback.manifest.ref} cannot stand in for {primary.manifest.ref}: {reason}.",
                    hint="MODEL_FALLBACK lists versions that take the same inputs.",
                )
            pins[ref] = fallback.digest
    data = primary.manifest.data.get("sha256")
    return ModelVersion(wish.name, primary.manifest.version, primary.digest, pins, str(data or ""))


def digest_of(name: str, version: str, config: Mapping[str, str], *, pin: str | None = None) -> tuple[str, str]:
    """The number and the digest of a version in the store that config names."""
    with told():
        keys = signing.listed(config.get("MODEL_PUBLIC_KEY", ""))
        store = Store.open(config["MODEL_STORE_URL"], config)
        found = models.resolve(store, version, name, pin=pin, public_keys=keys)
    return found.manifest.version, found.digest


def _checked(store: Store, wish: ModelWish, ref: str, keys: tuple[str, ...]) -> Resolved:
    found = models.resolve(store, ref, wish.name, public_keys=keys)
    pinned = Resolved(found.manifest, found.digest, found.raw, pinned=True, signed_by=found.signed_by)
    guard(pinned, allow_pickle=wish.allow_pickle)
    models.complete(store, pinned)
    return pinned
