"""The one table of the PostgreSQL variants. Made in the release phase (factor XII), never by a web process."""

from twelve_runtime._connections import adapt

TABLES = (
    """
    create table if not exists twelve_idempotency (
        key text primary key,
        token bigint not null,
        fingerprint text not null,
        lease timestamptz,
        answer bytea,
        expires timestamptz
    )
    """,
    "create index if not exists twelve_idempotency_expires on twelve_idempotency (expires)",
    "create sequence if not exists twelve_idempotency_token",
)
PURGE = "delete from twelve_idempotency where answer is not null and expires <= clock_timestamp()"


def create(connection: object) -> None:
    """May run in every release: what is there is left alone. Two at once wait for each other."""
    own = adapt(connection)
    with own.block():
        own.row("select pg_advisory_xact_lock(hashtextextended('twelve_idempotency', 0))")
        for statement in TABLES:
            own.row(statement)


def purge(connection: object) -> None:
    """Takes away answers that have expired: a job for the clock. Nothing depends on it but the table's size."""
    own = adapt(connection)
    with own.block():
        own.row(PURGE)
