"""How clients name things: a string or an object, a name or an id; and ids for things that have no row."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from twelve.core.errors import UsageError
from twelve.core.model import App

_SPACE = UUID("7c6f0d5e-12fa-4c70-9a3b-0c1d2e3f4a5b")


def made_id(*parts: object) -> str:
    """A stable UUID for something that is told apart by its name alone: a user, a plan, a region."""
    return str(uuid5(_SPACE, "\0".join(str(part) for part in parts)))


def reference(body: Mapping[str, Any], key: str) -> str:
    """Who is meant by "x", {"id": "x"} or {"name": "x"}."""
    found = optional_reference(body, key)
    if found is None:
        raise UsageError(f'"{key}" is missing: give a name or an id.')
    return found


def optional_reference(body: Mapping[str, Any], key: str) -> str | None:
    match body.get(key):
        case None:
            return None
        case {"id": str(ref)} | {"name": str(ref)} | str(ref):
            return ref or None
        case _:
            raise UsageError(f'"{key}" must be a name, an id, or an object with one of them.')


def time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def user(email: str) -> dict[str, str]:
    return {"id": made_id("user", email), "email": email}


def app_reference(app: App) -> dict[str, str]:
    return {"id": str(app.id), "name": app.name}


def named(kind: str, name: str) -> dict[str, str]:
    return {"id": made_id(kind, name), "name": name}


EPOCH = "2026-01-01T00:00:00Z"  # when everything that came with twelve itself was made
