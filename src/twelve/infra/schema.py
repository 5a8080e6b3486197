"""The platform's state in PostgreSQL, table by table. `infra/migrations` creates exactly this; a test compares them."""

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
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ix": "%(table_name)s_%(column_0_name)s_idx",
    }
)


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def _app(*, index: bool = True) -> Column[object]:
    return Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), nullable=False, index=index)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=None if nullable else func.now())


def _text(name: str, default: str | None = None, *, unique: bool = False) -> Column[object]:
    return Column(name, Text, nullable=False, server_default=default, unique=unique)


def _json(name: str, empty: str = "{}") -> Column[object]:
    kind: TypeEngine[object] = JSONB()
    return Column(name, kind, nullable=False, server_default=empty)


sealing_key = Table(  # one row: a known text, sealed, so that a wrong key is noticed at the start
    "sealing_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("proof", LargeBinary, nullable=False),
)

apps = Table(
    "apps",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("owner"),
    Column("maintenance", Boolean, nullable=False, server_default="false"),
    Column("stopped", Boolean, nullable=False, server_default="false"),
    Column("current_release", Uuid),
    _time("created_at"),
    _time("updated_at"),
)

domains = Table("domains", metadata, _id(), _app(), _text("hostname", unique=True), _time("created_at"))

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
    _id(),
    _text("digest", unique=True),
    Column("commit", Text),
    _json("document"),
    Column("size", BigInteger, nullable=False, server_default="0"),
    _time("created_at"),
)

builds = Table(
    "builds",
    metadata,
    _id(),
    _app(),
    _text("status"),
    _text("user"),
    Column("version", Text),
    Column("source_digest", Text),
    Column("slug_id", Uuid, ForeignKey("slugs.id")),
    Column("release_id", Uuid),
    _text("output", ""),
    Column("failure", JSONB),
    _time("created_at"),
    _time("updated_at"),
)

releases = Table(
    "releases",
    metadata,
    _id(),
    _app(index=False),
    Column("version", Integer, nullable=False),
    Column("slug_id", Uuid, ForeignKey("slugs.id")),
    _text("status"),
    _text("description"),
    _text("user"),
    Column("sealed_config", LargeBinary, nullable=False),
    _json("attachments"),
    _text("output", ""),
    Column("failure", JSONB),
    Column("candidate", Boolean, nullable=False, server_default="false"),  # made to take no traffic of its own
    Column("model", JSONB(none_as_null=True)),  # what it serves, pinned by digest
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("app_id", "version"),
)

formation = Table(
    "formation",
    metadata,
    Column("app_id", Uuid, ForeignKey("apps.id", ondelete="CASCADE"), primary_key=True),
    Column("type", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    _text("size", "standard-1x"),
    Column("autoscale", JSONB(none_as_null=True)),
    _time("created_at"),
    _time("updated_at"),
)

processes = Table(  # what the local engine started, so that the next server can adopt it
    "processes",
    metadata,
    _id(),
    _app(),
    _text("server", ""),  # the one that started it; only that one adopts it
    Column("release_id", Uuid, nullable=False),
    Column("release_version", Integer, nullable=False),
    _text("type"),
    Column("number", Integer, nullable=False),
    _text("command"),
    _text("size", "standard-1x"),
    _text("state"),
    Column("kept", Boolean, nullable=False, server_default="true"),
    Column("exits", Integer, nullable=False, server_default="0"),
    Column("pid", Integer),
    Column("pid_started", BigInteger),
    Column("port", Integer),
    Column("exit_status", Integer),
    Column("up_since", Double),
    _time("created_at"),
    _time("updated_at"),
)

resources = Table(
    "resources",
    metadata,
    _id(),
    _app(),
    _text("name", unique=True),
    _text("provider"),
    _text("plan"),
    Column("sealed_details", LargeBinary, nullable=False),
    _time("created_at"),
    _time("updated_at"),
)

mails = Table(  # what apps sent to the mail catcher; `account` is the user it logged in as
    "mails",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account", Text, nullable=False, index=True),
    _text("sender"),
    _json("recipients", "[]"),
    Column("data", LargeBinary, nullable=False),
    _time("created_at"),
)

attachments = Table(
    "attachments",
    metadata,
    _id(),
    _app(index=False),
    Column("resource_id", Uuid, ForeignKey("resources.id", ondelete="CASCADE"), nullable=False, index=True),
    _text("name"),
    _time("created_at"),
    UniqueConstraint("app_id", "name"),
)

drains = Table(  # where copies of an app's log go; the URL is sealed, as it may hold credentials
    "drains",
    metadata,
    _id(),
    _app(),
    _text("token", unique=True),
    Column("sealed_url", LargeBinary, nullable=False),
    _time("created_at"),
    _time("updated_at"),
)

schedules = Table(  # `declared`: the entry of app.json it comes from; `seen`: slots up to here are started or on record
    "schedules",
    metadata,
    _id(),
    _app(index=False),
    _text("name"),
    _text("command"),
    _text("schedule"),
    _text("timezone"),
    _text("policy"),
    Column("start_deadline", Integer, nullable=False),
    Column("ttl", Integer, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("retrain", Boolean, nullable=False, server_default="false"),
    Column("declared", JSONB),
    Column("seen", DateTime(timezone=True), nullable=False),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("app_id", "name"),
)

schedule_runs = Table(  # the key lets one server only start what is due; `id` is that of the process
    "schedule_runs",
    metadata,
    _id(),
    Column("schedule_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("due", DateTime(timezone=True), nullable=False),
    _text("state"),
    _text("reason", ""),
    Column("dyno", Text),
    Column("release_version", Integer),
    Column("exit_status", Integer),
    _time("started_at", nullable=True),
    _time("ended_at", nullable=True),
    _time("created_at"),
    UniqueConstraint("schedule_id", "due"),
)

retrainings = Table(  # `id` is that of the training process, and of the run of the schedule that began it
    "retrainings",
    metadata,
    _id(),
    _app(),
    _text("state"),
    _text("user"),
    _text("dyno"),
    Column("release_version", Integer, nullable=False),
    _text("model"),
    _text("data", ""),
    Column("accept_drift", Boolean, nullable=False, server_default="false"),
    Column("exit_status", Integer),
    Column("candidate", Text),
    Column("champion", Text),
    Column("promoted", Integer),
    _text("reason", ""),
    Column("exit_code", Integer, nullable=False, server_default="0"),
    _json("checks", "[]"),
    _time("created_at"),
    _time("updated_at"),
    _time("ended_at", nullable=True),
    Index(  # an app is retrained once at a time
        "retrainings_under_way", "app_id", unique=True,
        postgresql_where=text("state in ('training', 'trained', 'judging', 'promoting')"),
    ),
)  # fmt: skip

rollouts = Table(  # `slot` is its number at the front doors, never given twice; one of an app runs at a time
    "rollouts",
    metadata,
    _id(),
    _app(index=False),
    _text("name"),
    Column("iteration", Integer, nullable=False),
    _text("unit"),
    Column("anonymous", Boolean, nullable=False, server_default="false"),
    Column("slot", Integer, Identity(), nullable=False, unique=True),
    _text("status"),
    _text("reason", ""),
    Column("shadow", Integer),
    _json("settings"),
    _time("created_at"),
    _time("ended_at", nullable=True),
    UniqueConstraint("app_id", "name", "iteration"),
)
Index("rollouts_running_key", rollouts.c.app_id, unique=True, postgresql_where=rollouts.c.status == "running")

rollout_phases = Table(  # what each variant owned from then on; the highest number counts
    "rollout_phases",
    metadata,
    Column("rollout_id", Uuid, ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True),
    Column("phase", Integer, primary_key=True),
    _json("variants"),
    _text("user"),
    _time("created_at"),
)


def _of_a_rollout() -> Column[object]:
    return Column("rollout_id", Uuid, ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True)


unit_exposure = Table(  # a unit's first request in a phase; `is_new`: it was in no earlier phase
    "unit_exposure",
    metadata,
    _of_a_rollout(),
    Column("unit_hash", Uuid, primary_key=True),
    Column("phase", Integer, primary_key=True),
    _text("variant"),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("is_new", Boolean, nullable=False),
)

unit_outcome = Table(  # of an outcome the sum of its values, of what is built in the sum over `n` requests
    "unit_outcome",
    metadata,
    _of_a_rollout(),
    Column("unit_hash", Uuid, primary_key=True),
    Column("phase", Integer, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("sum", Double, nullable=False),
    Column("n", BigInteger, nullable=False),
)

outcome_seen = Table(  # `counted` is null while its unit may still be seen, false when it never was
    "outcome_seen",
    metadata,
    _of_a_rollout(),
    Column("outcome_id", Text, primary_key=True),
    Column("unit_hash", Uuid, nullable=False),
    _text("metric"),
    Column("value", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("counted", Boolean),
)
Index("outcome_seen_waiting_idx", outcome_seen.c.rollout_id, postgresql_where=outcome_seen.c.counted.is_(None))

rollout_traffic = Table(  # every request of a variant; `elsewhere`: served by another release than assigned
    "rollout_traffic",
    metadata,
    _of_a_rollout(),
    Column("phase", Integer, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("elsewhere", BigInteger, nullable=False),
)

rollout_frozen = Table(  # what a metric's read-out fixed before its first look
    "rollout_frozen",
    metadata,
    _of_a_rollout(),
    Column("phase", Integer, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("variance", Double, nullable=False),
    Column("cap", Double),
    _time("created_at"),
)

model_aliases = Table(  # append-only: the newest row of a name and alias counts; without a version it was removed
    "model_aliases",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _app(),
    _text("name"),
    _text("alias"),
    Column("version", Text),
    Column("digest", Text),
    _text("user"),
    _time("created_at"),
)
