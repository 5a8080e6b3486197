"""app.json: what a codebase says about itself, in Heroku's keys and dokku's health checks and cron."""

from dataclasses import fields
from typing import Any

from twelve.core.errors import BadManifest, UsageError
from twelve.core.formats import text
from twelve.core.formats.dotenv import is_key
from twelve.core.formats.json_reader import JsonReader, Path, is_a
from twelve.core.formats.text import Diagnostic
from twelve.core.model import SIZES, AddonWish, AppManifest, EnvWish, FormationWish, HealthCheck, ScheduleWish
from twelve.core.model.schedule import wish_of
from twelve.core.policy import schedule

_FORMATION_KEYS = frozenset(field.name for field in fields(FormationWish))
_CHECK_KEYS = frozenset(
    {"type", "name", "path", "command", "uptime", "listening", "content", "httpHeaders"}
    | {"initialDelay", "timeout", "wait", "attempts"}
)
_CHECK_IGNORED = frozenset({"port", "scheme", "warn", "onFailure"})
_WAYS = ("path", "command", "uptime", "listening")
_CRON_KEYS = frozenset(
    {"command", "schedule", "concurrency_policy", "timezone", "start_deadline", "ttl", "suspend", "name", "retrain"}
)


def parse(data: bytes) -> tuple[AppManifest, list[Diagnostic]]:
    """The manifest and every finding, by line."""
    reader = JsonReader(data)
    if not reader.notes and not isinstance(reader.document, dict):
        reader.notes.append(text.error(1, 1, "wrong-type", "app.json must be a JSON object"))
    manifest = AppManifest() if reader.notes else _manifest(reader)
    return manifest, sorted(reader.notes, key=lambda note: (note.line, note.column))


def load(data: bytes, file: str = "app.json") -> tuple[AppManifest, list[Diagnostic]]:
    """The manifest and the warnings; raises BadManifest with the first error's place and all errors as its log."""
    manifest, notes = parse(data)
    if text.errors_of(notes):
        text.refuse(BadManifest, file, notes, [text.describe(file, note) for note in notes])
    return manifest, notes


def _manifest(reader: JsonReader) -> AppManifest:
    return AppManifest(
        name=reader.text(("name",)),
        description=reader.text(("description",)) or "",
        env=tuple(env for key in reader.object(("env",)) if (env := _env(reader, key))),
        addons=tuple(addon for path in reader.items(("addons",)) if (addon := _addon(reader, path))),
        formation={type_: _formation(reader, ("formation", type_)) for type_ in reader.object(("formation",))},
        healthchecks={
            type_: tuple(check for path in reader.items(("healthchecks", type_)) if (check := _check(reader, path)))
            for type_ in reader.object(("healthchecks",))
        },
        cron=_crons(reader),
    )


def _env(reader: JsonReader, key: str) -> EnvWish | None:
    path: Path = ("env", key)
    if not is_key(key):
        reader.error(path, "bad-key", ' is not a variable name (letters, digits, "_"; no digit first)')
        return None
    value = reader.value(path)
    if not isinstance(value, dict):
        return EnvWish(key, value=_config_value(reader, path))
    generator = reader.text((*path, "generator")) or ""
    if generator not in {"", "secret"}:
        reader.warning((*path, "generator"), "unknown-value", ' is ignored: "secret" is the one generator')
        generator = ""
    required = reader.typed((*path, "required"), bool)
    return EnvWish(
        key,
        description=reader.text((*path, "description")) or "",
        value=_config_value(reader, (*path, "value")),
        required=required is not False,
        generator=generator,
    )


def _config_value(reader: JsonReader, path: Path) -> str | None:
    """Config is text; a number or a truth value is taken as it was most likely meant, with a warning."""
    value = reader.value(path)
    if is_a(value, float) or isinstance(value, bool):
        reader.warning(path, "not-text", " is taken as text; write it in quotes")
        return str(value).lower()
    return reader.text(path)


def _addon(reader: JsonReader, path: Path) -> AddonWish | None:
    if isinstance(reader.value(path), str):
        return AddonWish(str(reader.value(path)))
    plan = reader.value((*path, "plan"))
    if not isinstance(plan, str) or not plan:
        reader.error(path, "no-plan", ' must be the name of an add-on or {"plan": "..."}')
        return None
    return AddonWish(plan, reader.text((*path, "as")))


def _formation(reader: JsonReader, path: Path) -> FormationWish:
    reader.only(path, _FORMATION_KEYS)
    return FormationWish(
        quantity=reader.number((*path, "quantity"), 0, 999, kind=int),
        size=_size(reader, (*path, "size")),
        max_parallel=reader.number((*path, "max_parallel"), 1, 999, kind=int),
        rollout=reader.choice((*path, "rollout"), ("overlap", "exclusive")),
        boot_timeout=reader.number((*path, "boot_timeout"), 1, 600),
        stop_timeout=reader.number((*path, "stop_timeout"), 1, 300),
        drain_timeout=reader.number((*path, "drain_timeout"), 0, 300),
        cycle=reader.number((*path, "cycle"), 1 / 60, 8760),
    )


def _size(reader: JsonReader, path: Path) -> str | None:
    """Sizes of yesterday ("hobby", "free") stand in many public files: no reason to refuse the app."""
    size = reader.text(path)
    if size is None or size.lower() in SIZES:
        return size.lower() if size else None
    reader.warning(path, "unknown-value", f" is ignored: known sizes are {', '.join(SIZES)}")
    return None


def _check(reader: JsonReader, path: Path) -> HealthCheck | None:
    reader.only(path, _CHECK_KEYS, _CHECK_IGNORED)
    ways = [way for way in _WAYS if reader.value((*path, way)) is not None]
    if len(ways) != 1:
        reader.error(path, "no-one-way", " must have exactly one of path, command, uptime, listening")
        return None
    page = reader.text((*path, "path"))
    if page is not None and not page.startswith("/"):
        reader.error((*path, "path"), "out-of-range", ' must begin with "/"')
    listening = reader.typed((*path, "listening"), bool)
    if listening is False:
        reader.error((*path, "listening"), "out-of-range", " must be true; leave the check out instead")
    return HealthCheck(
        type=reader.choice((*path, "type"), ("startup", "readiness", "liveness")) or "startup",
        name=reader.text((*path, "name")) or "",
        path=page,
        command=_words(reader, (*path, "command")),
        uptime=reader.number((*path, "uptime"), 0, 600),
        listening=bool(listening),
        content=reader.text((*path, "content")),
        http_headers=_headers(reader, (*path, "httpHeaders")),
        **_times(reader, path),
    )


def _times(reader: JsonReader, path: Path) -> dict[str, Any]:
    delay = reader.number((*path, "initialDelay"), 0, 600)
    timeout = reader.number((*path, "timeout"), 0.1, 600)
    return {
        "initial_delay": 0.0 if delay is None else delay,
        "timeout": 5.0 if timeout is None else timeout,
        "wait": reader.number((*path, "wait"), 0.05, 600),
        "attempts": reader.number((*path, "attempts"), 1, 10_000, kind=int),
    }


def _words(reader: JsonReader, path: Path) -> tuple[str, ...]:
    words = [reader.text(item) for item in reader.items(path)]
    if reader.value(path) == []:
        reader.error(path, "out-of-range", " must name a program")
    return tuple(word for word in words if word is not None)


def _headers(reader: JsonReader, path: Path) -> tuple[tuple[str, str], ...]:
    pairs = []
    for item in reader.items(path):
        name, value = reader.text((*item, "name")), reader.text((*item, "value"))
        if not name or value is None or not (name + value).isprintable():
            reader.error(item, "bad-header", ' must be {"name": "...", "value": "..."}, each on one line')
        else:
            pairs.append((name, value))
    return tuple(pairs)


def _crons(reader: JsonReader) -> tuple[dict[str, object], ...]:
    paths = list(reader.items(("cron",)))
    entries = [_cron(reader, path) for path in paths]
    names: set[str] = set()
    for path, entry in zip(paths, entries, strict=True):
        if (entry.get("command") or entry.get("retrain")) and entry.get("schedule"):
            wish = wish_of(entry)
            _check_wish(reader, path, wish)
            if wish.name in names:
                reader.error(path, "same-name", f" has the name of an earlier one, {wish.name}")
            names.add(wish.name)
    return tuple(entries)


def _check_wish(reader: JsonReader, path: Path, wish: ScheduleWish) -> None:
    try:
        schedule.check(wish)
    except UsageError as problem:
        reader.error(path, "bad-cron", f": {problem.message.rstrip('.')}")


def _cron(reader: JsonReader, path: Path) -> dict[str, object]:
    reader.only(path, _CRON_KEYS)
    retrain = reader.typed((*path, "retrain"), bool)
    for key in ("schedule",) if retrain else ("command", "schedule"):
        value = reader.value((*path, key))
        if value is None or value == "":
            reader.error(path, "no-cron-" + key, f" must have a {key}")
    found: dict[str, object] = {key: reader.text((*path, key)) for key in ("command", "schedule", "timezone", "name")}
    found["concurrency_policy"] = reader.choice((*path, "concurrency_policy"), ("allow", "forbid", "replace"))
    found["start_deadline"] = reader.number((*path, "start_deadline"), 0, 86400)
    found["ttl"] = reader.number((*path, "ttl"), 1, 86400)
    found["suspend"], found["retrain"] = reader.typed((*path, "suspend"), bool), retrain
    return {key: value for key, value in found.items() if value is not None}
