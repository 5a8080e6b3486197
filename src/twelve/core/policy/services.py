"""Which backing services a codebase asks for, by its app.json add-ons and by the names of the keys it needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from twelve.core.model import AppManifest

# An add-on's service -> its provider and the attachment name its apps expect. Only services that speak the same
# protocol under the same kind of variable: a mail API with its own keys (mailgun, sendgrid) is not "smtp".
_SERVICES: Mapping[str, tuple[str, str]] = {
    "postgres": ("postgres", "DATABASE"),
    "postgresql": ("postgres", "DATABASE"),
    "heroku-postgresql": ("postgres", "DATABASE"),
    "heroku-postgres": ("postgres", "DATABASE"),
    "redis": ("redis", "REDIS"),
    "valkey": ("redis", "REDIS"),
    "heroku-redis": ("redis", "REDIS"),
    "heroku-data-for-redis": ("redis", "REDIS"),
    "heroku-key-value-store": ("redis", "REDIS"),
    "rediscloud": ("redis", "REDISCLOUD"),
    "redistogo": ("redis", "REDISTOGO"),
    "s3": ("s3", "S3"),
    "bucketeer": ("s3", "S3"),
    "cloudcube": ("s3", "S3"),
    "smtp": ("smtp", "SMTP"),
    "nats": ("nats", "NATS"),
}

# Attachment names that say which service is meant. REDIS_TLS is none of them: the server here speaks no TLS.
_NAMES: Mapping[str, str] = {
    "DATABASE": "postgres",
    "POSTGRES": "postgres",
    "POSTGRESQL": "postgres",
    "REDIS": "redis",
    "VALKEY": "redis",
    "REDISCLOUD": "redis",
    "REDISTOGO": "redis",
    "CELERY_BROKER": "redis",
    "S3": "s3",
    "AWS_S3": "s3",
    "BUCKETEER": "s3",
    "MODEL_STORE": "s3",
    "SMTP": "smtp",
    "EMAIL": "smtp",
    "MAIL": "smtp",
    "NATS": "nats",
}
_SUFFIXES = ("_URL",)
_S3_SUFFIXES = ("_URL", "_ENDPOINT", "_REGION", "_BUCKET", "_ACCESS_KEY_ID", "_SECRET_ACCESS_KEY")


@dataclass(frozen=True, slots=True)
class Want:
    """One resource to make. `also` are further attachment names of it: an app that knows it under two names."""

    provider: str
    attachment: str
    also: tuple[str, ...] = field(default=())


def provider_of(plan: str) -> str | None:
    """ "heroku-postgresql:mini" -> "postgres"; None for a service nobody here offers."""
    service = _SERVICES.get(_service(plan))
    return service and service[0]


def attachment_name(plan: str) -> str | None:
    """The attachment name an app expects of a plan: "heroku-postgresql:mini" -> "DATABASE"."""
    service = _SERVICES.get(_service(plan))
    return service and service[1]


def unknown_addons(manifest: AppManifest) -> list[str]:
    """The add-ons of app.json that no provider stands for: their variables have to be set by hand."""
    return [addon.plan for addon in manifest.addons if provider_of(addon.plan) is None]


def attachment_for(key: str) -> tuple[str, str] | None:
    """The provider and the attachment name that would set a key: "CELERY_BROKER_URL" -> ("redis", "CELERY_BROKER")."""
    for suffix in _S3_SUFFIXES:
        name = key.removesuffix(suffix)
        provider = _NAMES.get(name) if name != key else None
        if provider is not None and (suffix in _SUFFIXES or provider == "s3"):
            return provider, name
    return None


def wanted(manifest: AppManifest, needed_keys: Iterable[str]) -> list[Want]:
    """The resources to make. Two add-ons of one service are two; two keys of one service are two names of the first."""
    names: dict[str, str] = {}  # attachment -> provider, in the order asked for
    for addon in manifest.addons:
        if service := _SERVICES.get(_service(addon.plan)):
            names.setdefault(_spelled(addon.name or service[1]), service[0])
    found = [Want(provider, name) for name, provider in names.items()]
    for provider, name in filter(None, map(attachment_for, needed_keys)):
        if name not in names:
            names[name] = provider
            _add(found, provider, name)
    return found


def _add(found: list[Want], provider: str, name: str) -> None:
    for place, want in enumerate(found):
        if want.provider == provider:
            found[place] = Want(provider, want.attachment, (*want.also, name))
            return
    found.append(Want(provider, name))


def _service(plan: str) -> str:
    return plan.partition(":")[0].strip().lower()


def _spelled(name: str) -> str:
    return name.strip().upper().replace("-", "_")
