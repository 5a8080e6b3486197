"""Factor IX, observed: a job that a worker has taken is not gone when the worker dies.

The worker gets an empty Redis by way of a tap. A made-up job is put where it was seen to take jobs from, and the answer
that would hand it over is held back: the worker has the job in hand as far as the queue knows, and whatever a real one
looks like, nobody works on this. Then the worker dies, and the next one must be given the job.
"""

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.patience import until
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.resp import Redis, Value
from twelve.audit.probes.services import by_way_of
from twelve.audit.probes.tap import Taking, Tap
from twelve.audit.probes.trial import Trial
from twelve.core.model import Process, Resource

PROBES = Probebook()
NO_WORKERS = frozenset({"web", "release"})
SHOWS = 8.0  # seconds until a worker has asked for a job
TAKEN = 15.0  # until it has taken the one that is there
RETURNED = 45.0  # until the next one has been given it
SETTLED = 0.5
READING = {
    b"list": ("LRANGE", "0", "-1"),
    b"zset": ("ZRANGE", "0", "-1"),
    b"stream": ("XRANGE", "-", "+"),
    b"set": ("SMEMBERS",),
    b"hash": ("HGETALL",),
    b"string": ("GET",),
}
AN_HOUR = "3600000"  # milliseconds


@dataclass(frozen=True, slots=True)
class Place:
    """An empty Redis behind the tap, in the place of all that are attached, for one more process of the app."""

    trial: Trial
    resources: list[Resource]
    details: dict[str, str]
    tap: Tap

    def worker(self, kind: str) -> Process:
        """It is not started again when it dies."""
        spec = self.trial.one_more(kind)
        env = dict(spec.env)
        for resource in self.resources:
            env |= by_way_of(self.tap, self.trial, resource, self.details)
        (process,) = self.trial.platform.engine.start([replace(spec, kept=False, env=env)])
        return process


@dataclass(frozen=True, slots=True)
class Scene:
    """A type of worker, and what it takes jobs with."""

    place: Place
    kind: str
    taking: Taking

    @property
    def trial(self) -> Trial:
        return self.place.trial

    @property
    def tap(self) -> Tap:
        return self.place.tap

    @property
    def queue(self) -> str:
        return self.taking.queue.decode(errors="replace")

    @property
    def redis(self) -> Redis:
        return Redis(self.trial.platform.providers["redis"].config("REDIS", self.place.details)["REDIS_URL"])

    def worker(self) -> Process:
        return self.place.worker(self.kind)


@PROBES.asks(
    "TF09-live-job-return", Severity.WARNING, "A job that a worker had taken when it died comes back.",
    fix="Take a job so that it stays in the queue until it is done: a stream's group, or a move to another list.",
)  # fmt: skip
def gives_jobs_back(trial: Trial) -> Saw:
    with _scene(trial) as scene:
        for death in (signal.SIGTERM, signal.SIGKILL):
            if (lost := _die_with_a_job(scene, death)) is not None:
                return lost
        return Saw(
            True,
            f"{scene.kind} had taken a job from {scene.queue} by {scene.taking.command} and was ended by SIGTERM, "
            "then killed by SIGKILL; both times the next one was given the job.",
        )


@contextlib.contextmanager
def _scene(trial: Trial) -> Iterator[Scene]:
    kinds = sorted({one.type for one in trial.processes()} - NO_WORKERS, key=lambda kind: ("work" not in kind, kind))
    if not kinds:
        raise CannotTell("It has no process type but web that could hold a job.")
    resources = [one for one in trial.platform.resources.list(trial.app.id) if one.provider == "redis"]
    if not resources:
        raise CannotTell("No Redis is attached, and a queue elsewhere was not looked at.")
    provider = trial.platform.providers["redis"]
    details = dict(provider.create(f"{resources[0].name}-jobs"))
    try:
        with Tap() as tap:
            yield _first_that_takes(Place(trial, resources, details, tap), kinds)
    finally:
        provider.destroy(details)


def _first_that_takes(place: Place, kinds: list[str]) -> Scene:
    tap = place.tap
    for kind in kinds:
        process = place.worker(kind)
        try:
            if until(lambda: tap.takings, SHOWS):
                time.sleep(SETTLED)  # some put back first what a dead one left: it is the last one that is the habit
        finally:
            _kill(place.trial, process)
        if tap.library:
            raise CannotTell(f"It takes jobs through {tap.library}, whose books only a job of its own would get into.")
        if tap.takings:
            return Scene(place, kind, tap.takings[-1])
    raise CannotTell(f"{', '.join(kinds)} took nothing from a list, a sorted set or a stream of Redis.")


def _die_with_a_job(scene: Scene, death: signal.Signals) -> Saw | None:
    """None when the next worker was given the job."""
    marker = f"twelve-{secrets.token_hex(8)}".encode()
    with contextlib.ExitStack() as end, scene.redis as redis:
        job = _taken_by_one_that_dies(scene, redis, marker, death)
        if not _kept(redis, scene.taking, marker, job):
            return Saw(
                False,
                f"{scene.kind} had taken a job from {scene.queue} by {scene.taking.command} when it was ended by "
                f"{death.name}: the job is in Redis no more.",
            )
        scene.tap.hold(marker)
        end.callback(_kill, scene.trial, scene.worker())
        if not until(lambda: scene.tap.held, RETURNED):
            raise CannotTell(f"The job is kept in Redis, but no worker took it up again within {RETURNED:.0f} s.")
        _forget(redis, scene.taking, marker, job)
    return None


def _taken_by_one_that_dies(scene: Scene, redis: Redis, marker: bytes, death: signal.Signals) -> bytes:
    """The number of the job when it is in a stream."""
    before = len(scene.tap.takings)
    scene.tap.hold(marker)
    victim = scene.worker()
    try:
        if not until(lambda: len(scene.tap.takings) > before, SHOWS):
            raise CannotTell(f"One more {scene.kind} asked for no job.")
        time.sleep(SETTLED)  # the first question may have made it open a stream's group
        job = _put(redis, scene.taking, marker)
        if not until(lambda: scene.tap.held, TAKEN):
            raise CannotTell(f"{scene.kind} did not take what was put into {scene.queue}.")
        if death == signal.SIGTERM:
            scene.trial.platform.engine.stop([victim.id])
    finally:
        _kill(scene.trial, victim)
    return job


def _put(redis: Redis, taking: Taking, marker: bytes) -> bytes:
    """A stream's entry has a number: it is told."""
    match taking.kind:
        case "stream":
            said = redis("XADD", taking.queue, "*", "job", marker)
        case "zset":
            said = redis("ZADD", taking.queue, "0", marker)
        case _:
            said = redis("LPUSH", taking.queue, marker)
    return said if isinstance(said, bytes) else b""


def _kept(redis: Redis, taking: Taking, marker: bytes, job: bytes) -> bool:
    """Whether it is anywhere. A stream's must be pending; it is made to look an hour old, as nobody wants to wait."""
    if not taking.group:
        return any(_holds(_content(redis, key), marker) for key in _items(redis("KEYS", "*")))
    pending = _items(redis("XPENDING", taking.queue, taking.group, job, job, "1"))
    if pending and isinstance(pending[0], list) and isinstance(pending[0][1], bytes):
        redis("XCLAIM", taking.queue, taking.group, pending[0][1], "0", job, "IDLE", AN_HOUR, "JUSTID")
    return bool(pending)


def _forget(redis: Redis, taking: Taking, marker: bytes, job: bytes) -> None:
    if taking.group:
        redis("XACK", taking.queue, taking.group, job)
        redis("XDEL", taking.queue, job)
        return
    for key in _items(redis("KEYS", "*")):
        if isinstance(key, bytes) and _holds(_content(redis, key), marker):
            redis("DEL", key)


def _content(redis: Redis, key: Value) -> Value:
    kind = redis("TYPE", key) if isinstance(key, bytes) else None
    if not isinstance(key, bytes) or not isinstance(kind, bytes) or kind not in READING:
        return None
    command, *span = READING[kind]
    return redis(command, key, *span)


def _holds(value: Value, marker: bytes) -> bool:
    if isinstance(value, list):
        return any(_holds(each, marker) for each in value)
    return isinstance(value, bytes) and marker in value


def _items(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []


def _kill(trial: Trial, process: Process) -> None:
    now = next((one for one in trial.platform.engine.processes(trial.created.id) if one.id == process.id), None)
    for pid in reversed(watch.members(now)) if now else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    trial.platform.engine.stop([process.id])
