"""What the release says in the environment about the model it serves; read once, before anything is loaded."""

import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from twelve_runtime.ml import assign
from twelve_runtime.ml.errors import BadConfig

T = TypeVar("T")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
VERSION = re.compile(r"[1-9]\d{0,9}|sha256:[0-9a-f]{64}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CALLABLE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
BREAKER = re.compile(r"(\d{1,6})/(\d{1,6}(?:\.\d+)?)s")


@dataclass(frozen=True, slots=True)
class Version:
    """An item of the chain: another version of the model, as a number or a digest."""

    ref: str


@dataclass(frozen=True, slots=True)
class Rules:
    """An item of the chain: a function of the app, from a record to the fields of the output."""

    target: str


@dataclass(frozen=True, slots=True)
class Default:
    """An item of the chain: a constant answer, which cannot fail."""

    fields: Mapping[str, Any]


Item = Version | Rules | Default


@dataclass(frozen=True, slots=True)
class Log:
    """`mode`: all, sample, meta or off; `share` of the predictions is logged."""

    mode: str = "all"
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    name: str
    version: str
    store_url: str
    sha256: str | None = None
    pins: Mapping[str, str] = field(default_factory=dict)
    fallback: tuple[Item, ...] = ()
    timeout: float = 1.0
    breaker_failures: int = 5
    breaker_seconds: float = 30.0
    retry: int = 30
    max_batch: int = 1024
    gather: int = 0
    builder: str | None = None
    trusted_types: tuple[str, ...] = ()
    allow_pickle: bool = False
    public_keys: tuple[str, ...] = ()
    whole: bool = False  # a start without the primary is none
    experiment: assign.Experiment | None = None
    log: Log = Log()
    cache: Path = Path()
    app: str | None = None
    release: str | None = None
    process: str | None = None
    port: int = 8000
    workers: int = 1
    threads: int = 1

    def pin(self, ref: str) -> str | None:
        """The only digest that may be loaded for this reference; None where nobody said."""
        if ref == self.version and self.sha256:
            return self.sha256
        return self.pins.get(ref) or (ref if ref.startswith("sha256:") else None)


def read(env: Mapping[str, str] | None = None) -> Settings:
    """Raises BadConfig with every complaint at once."""
    reader = _Reader(os.environ if env is None else env)
    settings = reader.settings()
    control = settings.experiment.control.version if settings.experiment else settings.version
    if control != settings.version:
        reader.complaints.append(f"EXPERIMENT: the control is version {control}, MODEL_VERSION is {settings.version}.")
    if reader.complaints:
        raise BadConfig(" ".join(reader.complaints))
    return settings


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.complaints: list[str] = []

    def settings(self) -> Settings:
        env, workers = self._env, self._number("WEB_CONCURRENCY", 1, 1, 512)
        failures, seconds = self._take("MODEL_BREAKER", "5/30s", _breaker)
        return Settings(
            name=self._take("MODEL_NAME", "", _name),
            version=self._take("MODEL_VERSION", "", _version),
            store_url=self._take("MODEL_STORE_URL", "", _store),
            sha256=self._take("MODEL_SHA256", "", _digest) or None,
            pins=self._take("MODEL_PINS", "{}", _pins),
            fallback=self._take("MODEL_FALLBACK", "", chain),
            timeout=self._number("MODEL_TIMEOUT_MS", 1000, 1, 600_000) / 1000,
            breaker_failures=failures,
            breaker_seconds=seconds,
            retry=self._number("MODEL_RETRY_SECONDS", 30, 1, 3600),
            max_batch=self._number("MODEL_MAX_BATCH", 1024, 1, 1_000_000),
            gather=self._number("MODEL_BATCH", 0, 0, 1_000_000),
            builder=self._take("MODEL_BUILDER", "", _builder) or None,
            trusted_types=_words(env.get("MODEL_TRUSTED_TYPES", "")),
            allow_pickle=self._flag("MODEL_ALLOW_PICKLE"),
            public_keys=_words(env.get("MODEL_PUBLIC_KEY", "")),
            whole=self._flag("TWELVE_NEW_RELEASE") and not self._flag("MODEL_START_DEGRADED"),
            experiment=self._take("EXPERIMENT", "", _experiment),
            log=self._take("PREDICTION_LOG", "all", _log),
            cache=Path(env.get("MODEL_CACHE") or Path(tempfile.gettempdir()) / f"twelve-models-{os.getuid()}"),
            app=env.get("HEROKU_APP_NAME"),
            release=env.get("HEROKU_RELEASE_VERSION"),
            process=env.get("DYNO"),
            port=self._number("PORT", 8000, 0, 65535),
            workers=workers,
            threads=self._number("OMP_NUM_THREADS", max(1, _cores() // workers), 1, 4096),
        )

    def _take(self, name: str, default: str, read: Callable[[str], T]) -> T:
        """Of a value that cannot be read, the default's meaning goes on: the other complaints are wanted too."""
        try:
            return read(self._env.get(name, "").strip() or default)
        except BadConfig as error:
            self.complaints.append(str(error))
            return cast("T", FILLERS.get(name))

    def _number(self, name: str, default: int, low: int, high: int) -> int:
        text = self._env.get(name, "").strip() or str(default)
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        self.complaints.append(f"{name}={text!r} is no whole number from {low} to {high}.")
        return default

    def _flag(self, name: str) -> bool:
        text = self._env.get(name, "").strip().lower() or "0"
        if text not in FLAGS:
            self.complaints.append(f"{name}={text!r} is neither 0 nor 1.")
        return FLAGS.get(text, False)


FLAGS = {"1": True, "true": True, "0": False, "false": False}
FILLERS: Mapping[str, Any] = {"MODEL_BREAKER": (5, 30.0)}


def chain(text: str) -> tuple[Item, ...]:
    """The value of MODEL_FALLBACK. `default:` takes the rest of the text, commas and all."""
    items: list[Item] = []
    rest = text.strip()
    while rest:
        if rest.startswith("default:"):
            return (*items, Default(_fields(rest.removeprefix("default:"))))
        word, _, rest = (part.strip() for part in rest.partition(","))
        items.append(_item(word))
    return tuple(items)


def _item(word: str) -> Item:
    target = word.removeprefix("rules:")
    if target != word and CALLABLE.fullmatch(target):
        return Rules(target)
    if VERSION.fullmatch(word):
        return Version(word)
    raise BadConfig(
        f"MODEL_FALLBACK: {word!r} is no version, digest, rules:module:callable or default:JSON; "
        "aliases are resolved when a model is promoted."
    )


def _fields(text: str) -> Mapping[str, Any]:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict) or not fields:
        raise BadConfig(
            'MODEL_FALLBACK: default: needs a JSON object with the fields of the output, as {"label":null}.'
        )
    return fields


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise BadConfig(f"MODEL_NAME={text!r} is no name of a model." if text else "MODEL_NAME is missing.")
    return text


def _version(text: str) -> str:
    if not text:
        raise BadConfig("MODEL_VERSION is missing: a number or sha256:<64 hex>.")
    if not VERSION.fullmatch(text):
        raise BadConfig(
            f"MODEL_VERSION={text!r} is no version: a number or sha256:<64 hex>; "
            "aliases are resolved when a model is promoted."
        )
    return text


def _store(text: str) -> str:
    if not text:
        raise BadConfig("MODEL_STORE_URL is missing: s3://bucket/prefix or file:///directory.")
    if not text.startswith(("s3://", "file://")):  # not shown: it may hold a secret
        raise BadConfig("MODEL_STORE_URL is neither s3://bucket/prefix nor file:///directory.")
    return text


def _builder(text: str) -> str:
    if text and not CALLABLE.fullmatch(text):
        raise BadConfig(f"MODEL_BUILDER={text!r} is not written as module:callable.")
    return text


def _digest(text: str) -> str:
    if text and not DIGEST.fullmatch(text):
        raise BadConfig(f"MODEL_SHA256={text!r} is not written as sha256:<64 hex>.")
    return text


def _pins(text: str) -> Mapping[str, str]:
    try:
        pins = json.loads(text)
    except ValueError:
        pins = None
    if not isinstance(pins, dict) or not all(DIGEST.fullmatch(str(digest)) for digest in pins.values()):
        raise BadConfig("MODEL_PINS is no JSON object of versions and their sha256:<64 hex>.")
    return pins


def _breaker(text: str) -> tuple[int, float]:
    match = BREAKER.fullmatch(text)
    if not match or not int(match[1]):
        raise BadConfig(f"MODEL_BREAKER={text!r} is not written as failures/seconds, such as 5/30s.")
    return int(match[1]), float(match[2])


def _experiment(text: str) -> assign.Experiment | None:
    if not text:
        return None
    found = assign.parse(text)
    for variant in found.variants:
        if not VERSION.fullmatch(variant.version):
            raise BadConfig(f"EXPERIMENT: variant {variant.name} names {variant.version!r}, which is no version.")
    return found


def _log(text: str) -> Log:
    mode, _, share = text.partition(":")
    if mode == "sample":
        with suppress(ValueError):
            if 0 < float(share) <= 1:
                return Log("sample", float(share))
    elif mode in {"all", "meta", "off"} and not share:
        return Log(mode)
    raise BadConfig(f"PREDICTION_LOG={text!r} is none of all, sample:0.1, meta and off.")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _cores() -> int:
    return len(os.sched_getaffinity(0))
