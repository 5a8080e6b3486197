"""Apps, what they are built from, what they use and what runs."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from twelve.infra.schema.columns import app_key, json, metadata, string, time, uuid_key

sealing_key = Table(  # one row: a known text, sealed, so that a wrong key is noticed at the start
    "sealing_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("proof", LargeBinary, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    uuid_key(),
    string("name", unique=True),
    string("owner"),
    Column("maintenance", Boolean, nullable=False, server_default="false"),
    Column("stopped", Boolean, nullable=False, server_default="false"),
    Column("current_release", Uuid),
    time("created_at"),
    time("updated_at"),
)

domains = Table("domains", metadata, uuid_key(), app_key(), string("hostname", unique=True), time("created_at"))

config_vars = Table(  # layer: "dotenv" (development, from `up`) below "config" (what `config set` changed)
    "config_vars",
    metadata,
    Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("layer", Text, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

slugs = Table(
    "slugs",
    metadata,
    uuid_key(),
    string("digest", unique=True),
    Column("commit", Text),
    json("document"),
    Column("size", BigInteger, nullable=False, server_default="0"),
    time("created_at"),
)

builds = Table(
    "builds",
    metadata,
    uuid_key(),
    app_key(),
    string("status"),
    string("user"),
    Column("version", Text),
    Column("source_digest", Text),
    Column("slug_id", Uuid, ForeignKey("slugs.id")),
    Column("release_id", Uuid),
    string("output", ""),
    Column("failure", JSONB),
    time("created_at"),
    time("updated_at"),
)

releases = Table(
    "releases",
    metadata,
    uuid_key(),
    app_key(index=False),
    Column("version", Integer, nullable=False),
    Column("slug_id", Uuid, ForeignKey("slugs.id")),
    string("status"),
    string("description"),
    string("user"),
    Column("sealed_config", LargeBinary, nullable=False),
    json("attachments"),
    string("output", ""),
    Column("failure", JSONB),
    Column("candidate", Boolean, nullable=False, server_default="false"),  # made to take no traffic of its own
    Column("model", JSONB(none_as_null=True)),  # what it serves, pinned by digest
    time("created_at"),
    time("updated_at"),
    UniqueConstraint("app_id", "version"),
)

formation = Table(
    "formation",
    metadata,
    Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    string("size", "standard-1x"),
    Column("autoscale", JSONB(none_as_null=True)),
    time("created_at"),
    time("updated_at"),
)

processes = Table(  # what the local engine started, so that the next server can adopt it
    "processes",
    metadata,
    uuid_key(),
    app_key(),
    string("server", ""),  # the one that started it; only that one adopts it
    Column("release_id", Uuid, nullable=False),
    Column("release_version", Integer, nullable=False),
    string("type"),
    Column("number", Integer, nullable=False),
    string("command"),
    string("size", "standard-1x"),
    string("state"),
    Column("kept", Boolean, nullable=False, server_default="true"),
    Column("exits", Integer, nullable=False, server_default="0"),
    Column("pid", Integer),
    Column("pid_started", BigInteger),
    Column("port", Integer),
    Column("exit_status", Integer),
    Column("up_since", Double),
    time("created_at"),
    time("updated_at"),
)

resources = Table(
    "resources",
    metadata,
    uuid_key(),
    app_key(),
    string("name", unique=True),
    string("provider"),
    string("plan"),
    Column("sealed_details", LargeBinary, nullable=False),
    time("created_at"),
    time("updated_at"),
)

mails = Table(  # what apps sent to the mail catcher; `account` is the user it logged in as
    "mails",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account", Text, nullable=False, index=True),
    string("sender"),
    json("recipients", "[]"),
    Column("data", LargeBinary, nullable=False),
    time("created_at"),
)

attachments = Table(
    "attachments",
    metadata,
    uuid_key(),
    app_key(index=False),
    Column("resource_id", Uuid, ForeignKey("resources.id", ondelete="CASCADE"), nullable=False, index=True),
    string("name"),
    time("created_at"),
    UniqueConstraint("app_id", "name"),
)

drains = Table(  # where copies of an app's log go; the URL is sealed, as it may hold credentials
    "drains",
    metadata,
    uuid_key(),
    app_key(),
    string("token", unique=True),
    Column("sealed_url", LargeBinary, nullable=False),
    time("created_at"),
    time("updated_at"),
)

schedules = Table(  # `declared`: the entry of app.json it comes from; `seen`: slots up to here are started or on record
    "schedules",
    metadata,
    uuid_key(),
    app_key(index=False),
    string("name"),
    string("command"),
    string("schedule"),
    string("timezone"),
    string("policy"),
    Column("start_deadline", Integer, nullable=False),
    Column("ttl", Integer, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("retrain", Boolean, nullable=False, server_default="false"),
    Column("declared", JSONB),
    Column("seen", DateTime(timezone=True), nullable=False),
    time("created_at"),
    time("updated_at"),
    UniqueConstraint("app_id", "name"),
)

schedule_runs = Table(  # the key lets one server only start what is due; `id` is that of the process
    "schedule_runs",
    metadata,
    uuid_key(),
    Column("schedule_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    string("state"),
    string("reason", ""),
    Column("dyno", Text),
    Column("release_version", Integer),
    Column("exit_status", Integer),
    time("started_at", nullable=True),
    time("ended_at", nullable=True),
    time("created_at"),
    UniqueConstraint("schedule_id", "due"),
)

retrainings = Table(  # `id` is that of the training process, and of the run of the schedule that began it
    "retrainings",
    metadata,
    uuid_key(),
    app_key(),
    string("state"),
    string("user"),
    string("dyno"),
    Column("release_version", Integer, nullable=False),
    string("model"),
    string("data", ""),
    Column("accept_drift", Boolean, nullable=False, server_default="false"),
    Column("exit_status", Integer),
    Column("candidate", Text),
    Column("champion", Text),
    Column("promoted", Integer),
    string("reason", ""),
    Column("exit_code", Integer, nullable=False, server_default="0"),
    json("checks", "[]"),
    time("created_at"),
    time("updated_at"),
    time("ended_at", nullable=True),
    Index(  # an app is retrained once at a time
        "retrainings_under_way", "app_id", unique=True,
        postgresql_where=text("state in ('training', 'trained', 'judging', 'promoting')"),
    ),
)  # fmt: skip

model_aliases = Table(  # append-only: the newest row of a name and alias counts; without a version it was removed
    "model_aliases",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    app_key(),
    string("name"),
    string("alias"),
    Column("version", Text),
    Column("digest", Text),
    string("user"),
    time("created_at"),
)
