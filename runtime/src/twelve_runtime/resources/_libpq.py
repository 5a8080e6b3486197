"""What both ways to PostgreSQL, psycopg's and SQLAlchemy's, tell libpq and hear from it."""

SCHEMES = ("postgres", "postgresql", "postgresql+psycopg")
CONNECT = 5  # seconds
# A server that is gone without a word is noticed within half a minute, not after the kernel's two hours.
ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
HOPELESS = ("password authentication failed", "no password supplied", "no pg_hba.conf entry", '" does not exist')


def is_hopeless(error: BaseException) -> bool:
    """No waiting cures it: libpq gives refusals of a connection no code, only their text."""
    return any(reason in str(error) for reason in HOPELESS)


def keywords(name: str) -> dict[str, int | str]:
    """For every connection; `name` is shown in pg_stat_activity."""
    return {"connect_timeout": CONNECT, **ALIVE} | ({"application_name": name} if name else {})
