"""Server-side sessions without local state, in Redis or PostgreSQL; `flask`, `asgi` and `django` are their faces."""

from twelve_runtime.sessions.postgres import PostgresStore
from twelve_runtime.sessions.redis import RedisStore
from twelve_runtime.sessions.session import Session, SessionTooLarge
from twelve_runtime.sessions.sessions import Sessions

__all__ = ["PostgresStore", "RedisStore", "Session", "SessionTooLarge", "Sessions"]
