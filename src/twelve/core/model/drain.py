"""Drain: where a copy of an app's log stream goes."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Drain:
    """`token` ("d.<uuid>") tells receivers whose lines they get. `url` may hold credentials: it is sealed at rest."""

    id: UUID
    app_id: UUID
    token: str
    created_at: datetime
    updated_at: datetime
    url: str = field(repr=False)
