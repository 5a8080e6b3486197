"""Factor III: an app's config is a class, filled from the environment and from nothing else, once, at the start.

class Settings(Config):
    database_url: PostgresUrl
    secret_key: Secret
    pool_size: int = 4

settings = load_or_exit(Settings)
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from twelve_runtime._extras import needs
from twelve_runtime.errors import ConfigError, Problem
from twelve_runtime.redaction import MASK, is_secret_name, mask

with needs("config", "pydantic-settings", "config"):
    from pydantic import GetCoreSchemaHandler, SecretStr, SerializationInfo, ValidationError, model_serializer
    from pydantic import SecretStr as Secret
    from pydantic import SerializerFunctionWrapHandler as Serializer
    from pydantic.fields import FieldInfo
    from pydantic_core import CoreSchema, PydanticCustomError, core_schema
    from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

    from twelve_runtime._problems import problems_of

__all__ = [
    "Config",
    "ConfigError",
    "MailUrl",
    "NatsUrl",
    "PostgresUrl",
    "Problem",
    "RedisUrl",
    "S3Url",
    "Secret",
    "Url",
    "exit_with",
    "load_or_exit",
]
C = TypeVar("C", bound="Config")
_given: ContextVar[Mapping[str, str] | None] = ContextVar("twelve_runtime_environ", default=None)


class Url(SecretStr):
    """The URL of a backing service: shown without its password, handed out by `get_secret_value()`."""

    schemes: ClassVar[tuple[str, ...]] = ()

    def _display(self) -> str:
        return mask(self._secret_value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = super().__get_pydantic_core_schema__(source, handler)
        return core_schema.no_info_after_validator_function(cls._checked, inner)

    @classmethod
    def _checked(cls, url: Self) -> Self:
        scheme, found, rest = url.get_secret_value().partition("://")
        if not found or not rest or (cls.schemes and scheme.lower() not in cls.schemes):
            wanted = " or ".join(f"{known}://" for known in cls.schemes) or "a scheme and ://"
            raise PydanticCustomError("twelve_url", "is no URL that begins with {wanted}", {"wanted": wanted})
        return url


class PostgresUrl(Url):
    schemes = ("postgres", "postgresql", "postgresql+psycopg")


class RedisUrl(Url):
    schemes = ("redis", "rediss", "valkey", "valkeys", "unix")


class S3Url(Url):
    schemes = ("s3",)


class MailUrl(Url):
    schemes = ("smtp", "smtps")


class NatsUrl(Url):
    schemes = ("nats", "tls", "ws", "wss")


class _Environment(EnvSettingsSource):
    """The environment, or a test's mapping. What cannot be decoded goes on, to be reported with the rest."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        given = _given.get()
        if given is None:
            return super()._load_env_vars()
        return {key if self.case_sensitive else key.lower(): value for key, value in given.items() if value}

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        try:
            return super().decode_complex_value(field_name, field, value)
        except (ValueError, RecursionError):
            listed = not str(value).lstrip().startswith(("[", "{"))
            return [part.strip() for part in str(value).split(",")] if listed and _is_list(field) else value


def _is_list(field: FieldInfo) -> bool:
    annotation = field.annotation
    return getattr(annotation, "__origin__", annotation) in {list, tuple, set, frozenset}


class Config(BaseSettings):
    """Derive from it, one field a key. Frozen; its `repr`, `str` and `model_dump` hide what is secret.

    An empty variable counts as missing. `model_dump(context={"reveal": True})` shows secret fields of plain types.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True, validate_default=True
    )

    def __init__(self, **values: Any) -> None:
        problems: list[Problem] = []
        try:
            super().__init__(**values)
        except ValidationError as error:
            problems = problems_of(type(self), error)
        if problems:  # raised here: no earlier error with values in its frames is behind it
            raise ConfigError(type(self).__name__, problems)

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Of the process's environment, or of the mapping that a test hands over; raises ConfigError."""
        token = _given.set(environ)
        try:
            return cls()
        finally:
            _given.reset(token)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - replaced by one of ours
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - files are not config
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, _Environment(settings_cls)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        for name, value in super().__repr_args__():
            yield name, _shown(name or "", value)

    @model_serializer(mode="wrap")
    def _masked(self, serialize: Serializer, info: SerializationInfo) -> dict[str, Any]:
        dumped: dict[str, Any] = serialize(self)
        if (info.context or {}).get("reveal"):
            return dumped
        return {name: _shown(name, value) for name, value in dumped.items()}


def _shown(name: str, value: Any) -> Any:
    """A value as it may be seen: what is secret by its type hides itself, the rest is hidden by name or as a URL."""
    if isinstance(value, str | bytes) and value and is_secret_name(name):
        return MASK
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _shown(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return _rebuilt(value, (_shown(name, inner) for inner in value))
    return value


def _rebuilt(like: Any, items: Iterable[Any]) -> Any:
    return like if hasattr(like, "_fields") else type(like)(items)


def load_or_exit(config: type[C], environ: Mapping[str, str] | None = None) -> C:
    """For the first line of a process: the config, or every problem on stderr and exit code 78."""
    try:
        return config.load(environ)
    except ConfigError as error:
        exit_with(error)


def exit_with(error: ConfigError) -> NoReturn:
    sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    raise SystemExit(error.exit_code)
