"""The nouns, as frozen records."""

from twelve.core.model.app import App, Domain, app_name_problem
from twelve.core.model.build import Build, Layer, Slug, Source
from twelve.core.model.config import ConfigVars
from twelve.core.model.drain import Drain
from twelve.core.model.logs import LogFilter, LogLine
from twelve.core.model.manifest import AddonWish, AppManifest, EnvWish, FormationWish, HealthCheck
from twelve.core.model.models import Alias, ModelVersion, ModelWish
from twelve.core.model.process import SIZES, Autoscale, FormationEntry, Process, ProcessSpec, ProcessState
from twelve.core.model.release import Release, ReleaseStatus
from twelve.core.model.retraining import PublishedVersion, Retraining, RetrainingState
from twelve.core.model.rollout import BUCKETS, Phase, Rollout, RolloutStatus, Unit, Variant
from twelve.core.model.schedule import OVERLAPS, RunState, Schedule, ScheduleRun, ScheduleWish
from twelve.core.model.service import Attachment, Resource

__all__ = [
    "BUCKETS",
    "OVERLAPS",
    "SIZES",
    "AddonWish",
    "Alias",
    "App",
    "AppManifest",
    "Attachment",
    "Autoscale",
    "Build",
    "ConfigVars",
    "Domain",
    "Drain",
    "EnvWish",
    "FormationEntry",
    "FormationWish",
    "HealthCheck",
    "Layer",
    "LogFilter",
    "LogLine",
    "ModelVersion",
    "ModelWish",
    "Phase",
    "Process",
    "ProcessSpec",
    "ProcessState",
    "PublishedVersion",
    "Release",
    "ReleaseStatus",
    "Resource",
    "Retraining",
    "RetrainingState",
    "Rollout",
    "RolloutStatus",
    "RunState",
    "Schedule",
    "ScheduleRun",
    "ScheduleWish",
    "Slug",
    "Source",
    "Unit",
    "Variant",
    "app_name_problem",
]
