"""Which model an app's config asks for, and what nobody may ask for."""

import json
import re
from collections.abc import Mapping

from twelve.core.errors import BadModel, ConfigError
from twelve.core.model.models import ModelWish

PLATFORM_SET = frozenset({"MODEL_SHA256", "MODEL_PINS"})
INPUTS = ("MODEL_NAME", "MODEL_VERSION", "MODEL_FALLBACK", "MODEL_STORE_URL", "MODEL_PUBLIC_KEY", "MODEL_ALLOW_PICKLE")
VERSION = re.compile(r"[1-9][0-9]{0,8}|sha256:[0-9a-f]{64}")
ALIAS = re.compile(r"[a-z][a-z0-9._-]{0,62}")
RULES = re.compile(r"rules:[A-Za-z_][\w.]*:[A-Za-z_]\w*")
DEFAULT = "default:"


def wish(config: Mapping[str, str]) -> ModelWish | None:
    """None unless name, version and store are all set: the names alone are used by many apps for other things."""
    name, version, url = (config.get(key, "") for key in ("MODEL_NAME", "MODEL_VERSION", "MODEL_STORE_URL"))
    if not name or not version or not url:
        return None
    return ModelWish(
        name,
        pinnable(name, version),
        fallbacks(config.get("MODEL_FALLBACK", "")),
        url,
        config.get("MODEL_PUBLIC_KEY", ""),
        config.get("MODEL_ALLOW_PICKLE", "") == "1",
    )


def pinnable(name: str, version: str) -> str:
    """An alias may mean something else tomorrow; a release must not."""
    if VERSION.fullmatch(version):
        return version
    _, _, alias = version.rpartition("@")
    example = alias if ALIAS.fullmatch(alias) else "ALIAS"
    raise BadModel(
        f"MODEL_VERSION is {version[:80]!r}; a release needs a number or a digest (sha256:...), "
        "as an alias may mean another model later.",
        hint=f"`twelve models promote {name}@{example}` sets what an alias means now.",
    )


def fallbacks(text: str) -> tuple[str, ...]:
    """The versions in MODEL_FALLBACK: `2,rules:app.rules:predict,default:{"label":null}`."""
    found, rest = [], text.strip()
    while rest:
        if rest.startswith(DEFAULT):
            _check_default(rest.removeprefix(DEFAULT))
            break
        item, comma, rest = rest.partition(",")
        item, rest = item.strip(), rest.strip()
        if VERSION.fullmatch(item):
            found.append(item)
        elif not RULES.fullmatch(item):
            raise ConfigError(
                f"MODEL_FALLBACK has the item {item[:80]!r}; there are versions such as 2 or sha256:..., "
                "rules:MODULE:CALLABLE, and default:JSON as the last."
            )
        if comma and not rest:
            raise ConfigError("MODEL_FALLBACK ends with a comma.")
    return tuple(dict.fromkeys(found))


def unchanged(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether two configs ask for the same model from the same place."""
    return all(before.get(key) == after.get(key) for key in INPUTS)


def _check_default(text: str) -> None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ConfigError(
            "What follows default: in MODEL_FALLBACK is not a JSON object; it takes the rest of the text."
        )
