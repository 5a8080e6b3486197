"""App: one codebase's deploy. Domain: a host name that leads to it."""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PREVIEW = re.compile(r"v[0-9]+--")  # host names that lead to one release of an app
_NAME = re.compile(r"[a-z][a-z0-9-]{0,28}[a-z0-9]")


@dataclass(frozen=True, slots=True)
class App:
    id: UUID
    name: str
    owner: str
    created_at: datetime
    updated_at: datetime
    maintenance: bool = False
    stopped: bool = False
    current_release: UUID | None = None


@dataclass(frozen=True, slots=True)
class Domain:
    id: UUID
    app_id: UUID
    hostname: str
    created_at: datetime


def app_name_problem(name: str) -> str | None:
    """What is wrong with an app's name, or None. Two letters are allowed where Heroku wants three."""
    if PREVIEW.match(name):
        return f'"{name}" is where a release of another app is previewed: no "v", number and "--" at the beginning.'
    if _NAME.fullmatch(name):
        return None
    return f'"{name}" is not an app name: 2 to 30 lower-case letters, digits and "-", a letter first, no "-" last.'
