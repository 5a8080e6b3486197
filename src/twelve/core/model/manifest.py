"""What a codebase says about itself in app.json; see core/formats/app_json.py for the text."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EnvWish:
    """A config var app.json declares. `generator` is "secret" or ""; `value` the default, if any."""

    key: str
    description: str = ""
    value: str | None = None
    required: bool = True
    generator: str = ""


@dataclass(frozen=True, slots=True)
class AddonWish:
    """`plan` as written ("heroku-postgresql:mini", "postgres"); `name` the attachment's name, if any."""

    plan: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One entry of `healthchecks.<type>`; exactly one of path, command, uptime, listening is set. Times in seconds."""

    type: str = "startup"
    name: str = ""
    path: str | None = None
    command: tuple[str, ...] = ()
    uptime: float | None = None
    listening: bool = False
    content: str | None = None
    http_headers: tuple[tuple[str, str], ...] = ()
    initial_delay: float = 0.0
    timeout: float = 5.0
    wait: float | None = None
    attempts: int | None = None


@dataclass(frozen=True, slots=True)
class FormationWish:
    """`formation.<type>` of app.json; None means the platform's default. Times in seconds, `cycle` in hours."""

    quantity: int | None = None
    size: str | None = None
    max_parallel: int | None = None
    rollout: str | None = None
    boot_timeout: float | None = None
    stop_timeout: float | None = None
    drain_timeout: float | None = None
    cycle: float | None = None


@dataclass(frozen=True, slots=True)
class AppManifest:
    name: str | None = None
    description: str = ""
    env: tuple[EnvWish, ...] = ()
    addons: tuple[AddonWish, ...] = ()
    formation: Mapping[str, FormationWish] = field(default_factory=dict)
    healthchecks: Mapping[str, tuple[HealthCheck, ...]] = field(default_factory=dict)
    cron: tuple[Mapping[str, object], ...] = ()
