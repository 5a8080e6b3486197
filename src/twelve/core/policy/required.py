"""Which config an app needs, from .env.example and app.json, and what of it nobody has set."""

from collections.abc import Callable, Collection, Mapping

from twelve.core.model import AppManifest
from twelve.core.policy.environment import GIVEN


def required_keys(
    example: Mapping[str, int], manifest: AppManifest, *, example_file: str = ".env.example", file: str = "app.json"
) -> dict[str, str]:
    """Key -> where it is asked for. app.json decides about the keys it names: optional or with a value is no need."""
    declared = {wish.key: wish for wish in manifest.env}
    keys = {key: f"{example_file}:{line}" for key, line in example.items() if key not in declared}
    for wish in manifest.env:
        if wish.required and wish.value is None and not wish.generator:
            keys[wish.key] = f"{example_file}:{example[wish.key]}" if wish.key in example else file
    return {key: where for key, where in keys.items() if key not in GIVEN}


def missing(required: Mapping[str, str], config: Collection[str]) -> list[tuple[str, str]]:
    """Each key nobody has set, and where it is asked for, in the order of those places."""
    absent = [(key, where) for key, where in required.items() if key not in config and key not in GIVEN]
    return sorted(absent, key=lambda asked: _place(asked[1]))


def _place(where: str) -> tuple[str, int]:
    file, _, line = where.partition(":")
    return file, int(line or 0)


def defaults(manifest: AppManifest, config: Collection[str], secret: Callable[[], str]) -> dict[str, str]:
    """What app.json gives the keys nobody has set: its values, and where it names a generator a fresh secret each."""
    return {
        wish.key: secret() if wish.value is None else wish.value
        for wish in manifest.env
        if wish.key not in config and (wish.value is not None or wish.generator)
    }
