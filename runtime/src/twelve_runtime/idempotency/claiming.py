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
# When there is no answer, the next statement may wait, and only as long as is said here. The caller's own patience
# comes with the row, to be put back. After an error, the block around all this takes settings back with the rest.
LOOK = """
    select held.fingerprint, held.answer, held.expires > clock_timestamp(), current_setting('lock_timeout'),
        case when %s <> '' and (held.answer is null or held.expires <= clock_timestamp())
        then set_config('lock_timeout', %s, true) end
    from (values (1)) as one left join twelve_idempotency as held on held.key = %s
"""
ANSWER = "update twelve_idempotency set answer = %s where key = %s"
RESTORE = "select set_config('lock_timeout', %s, true)"

Claiming = Generator[Statement, Row, Effect]


def claiming(key: str, fingerprint: str, expires: float, wait: float | None) -> Claiming:
    patience = "" if wait is None else f"{max(1, round(wait * 1000))}ms"
    # A look first: taking would lock the row, and those who only want the answer need not queue.
    row = yield Statement(LOOK, patience, patience, key)
    if (found := _seen(key, fingerprint, row)) is not None:
        return found
    try:
        taken = yield Statement(TAKE, key, fingerprint, expires)
    except Exception as error:
        if sqlstate(error) == LOCK_NOT_AVAILABLE:
            raise _busy(key) from error
        raise
    if patience:
        yield Statement(RESTORE, row[3] if row else "0")
    if taken is not None:
        return Effect(key, token=int(taken[0]))
    if (found := _seen(key, fingerprint, (yield Statement(LOOK, "", "", key)))) is not None:
        return found
    raise _busy(key)


def answering(effect: Effect) -> Statement:
    return Statement(ANSWER, effect.answer, effect.key)


def _seen(key: str, fingerprint: str, row: Row) -> Effect | None:
    if row is None or row[1] is None or not row[2]:
        return None
    if row[0] != fingerprint:
        raise Conflict(f"The key {key!r} was used for another request.")
    return Effect(key, answer=bytes(row[1]))


def _busy(key: str) -> Busy:
    return Busy(f"The key {key!r} is in use right now.")
