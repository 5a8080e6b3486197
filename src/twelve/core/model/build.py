"""Source: a tree of files with a digest. Slug: the immutable build. Build: the record of one turning into the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

from twelve.core.model.manifest import AppManifest


@dataclass(frozen=True, slots=True)
class Source:
    """A codebase that has arrived: its files under `tree`, clean of ignored files, `.git` and `.env`.

    `digest` is the sha256 (hex) of the tree: names, modes, contents, link targets; never times or owners.
    """

    tree: Path
    digest: str
    commit: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Layer:
    """One read-only directory of a slug, laid over the ones before it at /app.

    `kind` is "app" or "dependencies". `key` is the digest of what it was made from; equal keys are equal layers.
    """

    kind: str
    key: str
    path: Path


@dataclass(frozen=True, slots=True)
class Slug:
    """The immutable build: layers stacked at /app, lowest first, and everything a process start needs to know.

    `id` is derived from `digest`, so the same source built with the same tools is the same slug.
    `env` holds defaults the build contributes (PATH, VIRTUAL_ENV, NODE_ENV ...), every path as seen under /app.
    `binds` are host directories outside the layers that must be visible, read-only, at the same path (an interpreter).
    `required_keys` maps a config key the app needs to where it is asked for (".env.example:3").
    `clients` are dependencies that speak to a backing service ("psycopg2").
    """

    id: UUID
    digest: str
    layers: tuple[Layer, ...]
    process_types: Mapping[str, str]
    manifest: AppManifest
    languages: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    binds: tuple[str, ...] = ()
    required_keys: Mapping[str, str] = field(default_factory=dict)
    clients: tuple[str, ...] = ()
    commit: str | None = None
    size: int = 0
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Build:
    """`status` is pending, succeeded or failed. `output` is everything the build printed."""

    id: UUID
    app_id: UUID
    status: str
    user: str
    created_at: datetime
    updated_at: datetime
    version: str | None = None
    source_digest: str | None = None
    slug_id: UUID | None = None
    release_id: UUID | None = None
    output: str = ""
    failure: Mapping[str, object] | None = None
