"""What a request says: small readers that give a value or one sentence about what is wrong."""

import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from twelve.core.errors import UsageError
from twelve.core.model import App

Body: TypeAlias = Mapping[str, Any]


def parse(data: bytes) -> dict[str, Any]:
    """An absent body counts as an empty object."""
    if not data.strip():
        return {}
    try:
        body = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError("The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise UsageError("The request body must be a JSON object.")
    return body


def text(body: Body, key: str) -> str:
    value = optional_text(body, key)
    if not value:
        raise UsageError(f'"{key}" is missing.')
    return value


def optional_text(body: Body, key: str) -> str | None:
    value = body.get(key)
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f'"{key}" must be a string.')


def flag(body: Body, key: str) -> bool:
    """Clients write true, 1 or "true"."""
    return body.get(key) in (True, "1", "true")  # True == 1


def confirmed(body: Body, app: App) -> bool:
    """Heroku's clients confirm with the app's name what takes something away."""
    return optional_text(body, "confirm") in {app.name, str(app.id)}


def number(body: Body, key: str, default: int) -> int:
    value = body.get(key)
    if value is None:
        return default
    if isinstance(value, bool) or not str(value).isdecimal():
        raise UsageError(f'"{key}" must be a whole number.')
    return int(value)


def mapping(body: Body, key: str) -> dict[str, Any]:
    value = body.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f'"{key}" must be an object.')
    return value


def variables(values: Body) -> dict[str, str | None]:
    """Config vars as clients send them: scalars become text, null stays null, anything nested is refused."""
    return {key: _scalar(key, value) for key, value in values.items()}


def _scalar(key: str, value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            raise UsageError(f'The value of "{key}" must be a string.')
