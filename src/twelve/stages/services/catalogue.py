"""The kinds of backing services there are, each behind its provider."""

from collections.abc import Callable

from twelve.core.ports import Provider
from twelve.infra.database import Database
from twelve.infra.settings import Settings
from twelve.stages.services.mails import Mails
from twelve.stages.services.nats import NatsProvider
from twelve.stages.services.postgres import PostgresProvider
from twelve.stages.services.postgres_server import PostgresServer
from twelve.stages.services.redis import RedisProvider
from twelve.stages.services.s3 import S3Provider
from twelve.stages.services.smtp import SmtpProvider
from twelve.stages.services.url import UrlProvider


def providers(
    settings: Settings, server: PostgresServer, output: Callable[[str, bytes], None], database: Database
) -> dict[str, Provider]:
    """By name. `output` takes what the servers print: the server's name, then a piece of it, from several threads."""
    kinds: list[Provider] = [
        PostgresProvider(server),
        RedisProvider(settings, output),
        S3Provider(settings, output),
        SmtpProvider(settings, Mails(database)),
        NatsProvider(settings, output),
        UrlProvider(),
    ]
    return {kind.name: kind for kind in kinds}
