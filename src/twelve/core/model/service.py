"""Resource: a backing service. Attachment: its URL under a name in an app's config."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from twelve.core.model.config import ConfigVars


@dataclass(frozen=True, slots=True)
class Resource:
    """`provider` is "postgres", "redis", "s3", "smtp", "nats", or "url" for one given by its URL.

    `details` is what its provider needs to find it again (names, passwords, port-independent): sealed at rest.
    `app_id` is the app that owns it; other apps may attach it.
    """

    id: UUID
    app_id: UUID
    name: str
    provider: str
    plan: str
    created_at: datetime
    updated_at: datetime
    details: ConfigVars = field(default_factory=ConfigVars)


@dataclass(frozen=True, slots=True)
class Attachment:
    """`name` is upper case ("DATABASE", "REDIS", "HEROKU_POSTGRESQL_RED"); the config vars begin with it."""

    id: UUID
    app_id: UUID
    resource_id: UUID
    name: str
    created_at: datetime
