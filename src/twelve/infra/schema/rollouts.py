"""Rollouts, and what their units met."""

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
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from twelve.infra.schema.columns import app_key, json, metadata, string, time, uuid_key


def rollout_key() -> Column[object]:
    return Column("rollout_id", Uuid, ForeignKey("rollouts.id", ondelete="CASCADE"), primary_key=True)


rollouts = Table(  # `slot` is its number at the front doors, never given twice; one of an app runs at a time
    "rollouts",
    metadata,
    uuid_key(),
    app_key(index=False),
    string("name"),
    Column("iteration", Integer, nullable=False),
    string("unit"),
    Column("anonymous", Boolean, nullable=False, server_default="false"),
    Column("slot", Integer, Identity(), nullable=False, unique=True),
    string("status"),
    string("reason", ""),
    Column("shadow", Integer),
    json("settings"),
    time("created_at"),
    time("ended_at", nullable=True),
    UniqueConstraint("app_id", "name", "iteration"),
)
Index("rollouts_running_key", rollouts.c.app_id, unique=True, postgresql_where=rollouts.c.status == "running")

rollout_phases = Table(  # what each variant owned from then on; the highest number counts
    "rollout_phases",
    metadata,
    rollout_key(),
    Column("phase", Integer, primary_key=True),
    json("variants"),
    string("user"),
    time("created_at"),
)

unit_exposure = Table(  # a unit's first request in a phase; `is_new`: it was in no earlier phase
    "unit_exposure",
    metadata,
    rollout_key(),
    Column("unit_hash", Uuid, primary_key=True),
    Column("phase", Integer, primary_key=True),
    string("variant"),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("is_new", Boolean, nullable=False),
)

unit_outcome = Table(  # of an outcome the sum of its values, of what is built in the sum over `n` requests
    "unit_outcome",
    metadata,
    rollout_key(),
    Column("unit_hash", Uuid, primary_key=True),
    Column("phase", Integer, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("sum", Double, nullable=False),
    Column("n", BigInteger, nullable=False),
)

outcome_seen = Table(  # `counted` is null while its unit may still be seen, false when it never was
    "outcome_seen",
    metadata,
    rollout_key(),
    Column("outcome_id", Text, primary_key=True),
    Column("unit_hash", Uuid, nullable=False),
    string("metric"),
    Column("value", Double, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False),
    Column("counted", Boolean),
)
Index("outcome_seen_waiting_idx", outcome_seen.c.rollout_id, postgresql_where=outcome_seen.c.counted.is_(None))

rollout_traffic = Table(  # every request of a variant; `elsewhere`: served by another release than assigned
    "rollout_traffic",
    metadata,
    rollout_key(),
    Column("phase", Integer, primary_key=True),
    Column("variant", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("elsewhere", BigInteger, nullable=False),
)

rollout_frozen = Table(  # what a metric's read-out fixed before its first look
    "rollout_frozen",
    metadata,
    rollout_key(),
    Column("phase", Integer, primary_key=True),
    Column("metric", Text, primary_key=True),
    Column("variance", Double, nullable=False),
    Column("cap", Double),
    time("created_at"),
)
