"""What a person is told when the dependencies of an app and its config do not go together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Service:
    """`clients` are packages that speak to nothing else; `schemes` begin the addresses of such a service."""

    provider: str
    key: str
    clients: tuple[str, ...]
    schemes: tuple[str, ...]


_SERVICES = (
    _Service(
        "postgres",
        "DATABASE_URL",
        ("psycopg2", "psycopg2-binary", "psycopg", "psycopg-binary", "asyncpg", "pg8000", "pg", "pg-promise"),
        ("postgres:", "postgresql:", "postgresql+", "postgis:"),
    ),
    _Service(
        "redis",
        "REDIS_URL",
        (
            "redis",
            "rq",
            "django-redis",
            "flask-redis",
            "django-rq",
            "arq",
            "ioredis",
            "bull",
            "bullmq",
            "connect-redis",
        ),
        ("redis:", "rediss:", "redis+", "unix:"),
    ),
    _Service("nats", "NATS_URL", ("nats-py", "nats"), ("nats:", "tls:")),
)
CLIENTS = frozenset(name for service in _SERVICES for name in service.clients)


def clients(dependencies: Iterable[str]) -> tuple[str, ...]:
    """The dependencies that tell which backing services an app speaks to."""
    return tuple(sorted(CLIENTS.intersection(dependencies)))


def unattached(clients: Iterable[str], config: Mapping[str, str], app: str) -> list[str]:
    """A sentence for each service an app has a client for and its config no address of."""
    return [
        f"{client} is among the dependencies and {service.key} is not set: "
        f"`twelve services add {service.provider} -a {app}`"
        for client, service in _lacking(clients, config)
    ]


def lacking_providers(clients: Iterable[str], config: Mapping[str, str]) -> list[str]:
    """The services themselves, by the names of their providers."""
    return [service.provider for _, service in _lacking(clients, config)]


def _lacking(clients: Iterable[str], config: Mapping[str, str]) -> list[tuple[str, _Service]]:
    there = set(clients)
    return [
        (client, service)
        for service in _SERVICES
        if (client := next((name for name in service.clients if name in there), None))
        and service.key not in config
        and not any(value.startswith(service.schemes) for value in config.values())
    ]


# What a known trouble leaves in an app's last lines, and the way out.
_TROUBLES = {
    "sqlalchemy.dialects:postgres": (
        "SQLAlchemy only takes postgresql://, and DATABASE_URL begins with postgres:// as on Heroku: replace it in the "
        "code, or attach the database by a URL of your own (docs/services.md)"
    ),
}


def known_troubles(lines: Iterable[str]) -> list[str]:
    """What to do about the troubles that can be told from an app's last lines."""
    text = "\n".join(lines)
    return [way_out for sign, way_out in _TROUBLES.items() if sign in text]
