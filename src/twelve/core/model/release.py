"""Release: slug + config + attachments + process types, numbered and immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from twelve.core.model.config import ConfigVars
from twelve.core.model.models import ModelVersion


class ReleaseStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Release:
    """Its frozen config has three layers, later wins: `dotenv` (a development .env), `own` (config vars) and `attached`
    (what the attachments contribute); `config` is what every process gets. `attachments` maps attachment name to
    resource name. A `candidate` was made to take no traffic but what a rollout gives it. `model` is the one that
    config asked for when it was made; its digests are part of the config."""

    id: UUID
    app_id: UUID
    version: int
    slug_id: UUID | None
    status: ReleaseStatus
    description: str
    user: str
    created_at: datetime
    updated_at: datetime
    dotenv: ConfigVars = field(default_factory=ConfigVars)
    own: ConfigVars = field(default_factory=ConfigVars)
    attached: ConfigVars = field(default_factory=ConfigVars)
    attachments: Mapping[str, str] = field(default_factory=dict)
    process_types: Mapping[str, str] = field(default_factory=dict)
    commit: str | None = None
    failure: Mapping[str, object] | None = None
    output: str = ""
    candidate: bool = False
    model: ModelVersion | None = None

    @property
    def config(self) -> ConfigVars:
        pins = self.model.config() if self.model else {}
        return self.dotenv.changed(self.own).changed(self.attached).changed(pins)
