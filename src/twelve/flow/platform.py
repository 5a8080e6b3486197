"""Everything the sentences speak about, put together once by wiring."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from twelve.core.ports import Engine, Provider, Router
from twelve.flow.keep import Keeper
from twelve.flow.keep_drains import DrainKeeper
from twelve.flow.outputs import Outputs
from twelve.flow.probation import Probation
from twelve.infra.database import Database
from twelve.infra.settings import Settings
from twelve.stages.build.builder import Builder
from twelve.stages.build.store import Builds, Slugs
from twelve.stages.config.store import ConfigStore
from twelve.stages.logs.drains.store import Drains
from twelve.stages.logs.hub import LogHub
from twelve.stages.metrics.restarts import Restarts
from twelve.stages.metrics.traffic import Traffic
from twelve.stages.metrics.units.store import Units
from twelve.stages.models.aliases import Aliases
from twelve.stages.release.rollouts import Rollouts
from twelve.stages.release.store import Releases
from twelve.stages.run.formation import Formations
from twelve.stages.run.retrainings import Retrainings
from twelve.stages.run.schedules import Schedules
from twelve.stages.services.store import Attachments, Resources
from twelve.stages.source.apps import Apps


@dataclass(frozen=True, slots=True)
class Platform:
    """`user` is the name the ledger shows for what nobody in particular asked for.

    `retiring` are processes whose places others have taken, until they have drained and ended.
    """

    settings: Settings
    database: Database
    apps: Apps
    config: ConfigStore
    slugs: Slugs
    builds: Builds
    builder: Builder
    resources: Resources
    attachments: Attachments
    providers: Mapping[str, Provider]
    releases: Releases
    aliases: Aliases
    rollouts: Rollouts
    units: Units
    formations: Formations
    schedules: Schedules
    retrainings: Retrainings
    engine: Engine
    router: Router
    logs: LogHub
    drains: Drains
    drain_keeper: DrainKeeper
    outputs: Outputs
    keeper: Keeper
    user: str
    version: str
    probation: Probation = field(default_factory=Probation)
    retiring: set[UUID] = field(default_factory=set)
    traffic: Traffic = field(default_factory=Traffic)
    restarts: Restarts = field(default_factory=Restarts)
    autoscale_changed: threading.Event = field(default_factory=threading.Event)
    rollouts_changed: threading.Event = field(default_factory=threading.Event)
