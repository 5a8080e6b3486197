"""Exactly one effect for a key, and the stored answer for everybody else who asks with it.

`once`, `once_async` and `transactional`: the effect is in PostgreSQL, and commits together with its key. `Leases`: the
effect is elsewhere; one holder at a time, kept in PostgreSQL (`PostgresStore`) or Redis (`RedisStore`). Over HTTP:
`idempotency.http`, `idempotency.asgi`, `idempotency.wsgi`.
"""

from twelve_runtime.idempotency.codec import fingerprint
from twelve_runtime.idempotency.effect import Effect
from twelve_runtime.idempotency.errors import BadKey, Busy, Conflict, IdempotencyError, Lost, NotDone, Unknown
from twelve_runtime.idempotency.leases import Leases
from twelve_runtime.idempotency.postgres import PostgresStore
from twelve_runtime.idempotency.redis import RedisStore
from twelve_runtime.idempotency.schema import create, purge
from twelve_runtime.idempotency.transaction import once, once_async, transactional

__all__ = [
    "BadKey",
    "Busy",
    "Conflict",
    "Effect",
    "IdempotencyError",
    "Leases",
    "Lost",
    "NotDone",
    "PostgresStore",
    "RedisStore",
    "Unknown",
    "create",
    "fingerprint",
    "once",
    "once_async",
    "purge",
    "transactional",
]
