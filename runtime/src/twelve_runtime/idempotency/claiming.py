"""What is asked of PostgreSQL to claim a key inside a transaction, statement by statement, whoever sends them."""

from collections.abc import Generator

from twelve_runtime._connections import Row, Statement, sqlstate
from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.errors import Busy, Conflict

LOCK_NOT_AVAILABLE = "55P03"
# A key that somebody else is inserting makes this wait for the end of that transaction, as every unique key does.
TAKE = """
    insert into twelve_idempotency as held (key, token, fingerprint, answer, expires)
    values (%s, nextval('twelve_idempotency_token'), %s, '', clock_timestamp() + make_interval(secs => %s))
    on conflict (key) do update
    set token = nextval('twelve_idempotency_token'), fingerprint = excluded.fingerprint, answer = '',
        expires = excluded.expires, lease = null
    where held.answer is not null and held.expires <= clock_timestamp()
    returning token
"""
LOOK = "select fingerprint, answer, expires > clock_timestamp() from twelve_idempotency where key = %s"
ANSWER = "update twelve_idempotency set answer = %s where key = %s"
# A wait that was too long must not spoil the caller's transaction, nor must our patience become the caller's.
SAVE, GO_BACK, RELEASE = (
    f"{words} twelve_once" for words in ("savepoint", "rollback to savepoint", "release savepoint")
)
PATIENCE = "select current_setting('lock_timeout'), set_config('lock_timeout', %s, true)"
RESTORE = "select set_config('lock_timeout', %s, true)"

Claiming = Generator[Statement, Row, Effect]
Taking = Generator[Statement, Row, Row]


def claiming(key: str, fingerprint: str, expires: float, wait: float | None) -> Claiming:
    # A look first: taking would lock the row, and those who only want the answer need not queue.
    if (found := _seen(key, fingerprint, (yield Statement(LOOK, key)))) is not None:
        return found
    if (taken := (yield from _taking(key, fingerprint, expires, wait))) is not None:
        return Effect(key, token=int(taken[0]))
    if (found := _seen(key, fingerprint, (yield Statement(LOOK, key)))) is not None:
        return found
    raise Busy(f"The key {key!r} is in use right now.")


def answering(effect: Effect) -> Statement:
    return Statement(ANSWER, effect.answer, effect.key)


def _seen(key: str, fingerprint: str, row: Row) -> Effect | None:
    if row is None or row[1] is None or not row[2]:
        return None
    if row[0] != fingerprint:
        raise Conflict(f"The key {key!r} was used for another request.")
    return Effect(key, answer=bytes(row[1]))


def _taking(key: str, fingerprint: str, expires: float, wait: float | None) -> Taking:
    take = Statement(TAKE, key, fingerprint, expires)
    if wait is None:
        return (yield take)
    yield Statement(SAVE)
    try:
        patience = yield Statement(PATIENCE, f"{max(1, round(wait * 1000))}ms")
        taken = yield take
    except Exception as error:
        yield Statement(GO_BACK)
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise Busy(f"The key {key!r} is in use right now.") from error
        raise
    yield Statement(RESTORE, patience[0] if patience else "0")
    yield Statement(RELEASE)
    return taken
