"""Factor VIII: web and clock hand work to any number of workers through one Redis stream.

A job is taken by one worker, and acknowledged when it is done. What a dead worker left behind is taken over after
`STALE` milliseconds; a job that was begun `ATTEMPTS` times is set aside. Every job may run twice and does no harm then.
"""

import contextlib
from dataclasses import dataclass

import redis
from twelve_runtime import Lifecycle, events
from twelve_runtime.resources.redis import client

from .settings import Settings

log = events.logger()

STREAM = "notes:jobs"
FAILED = "notes:failed"
GROUP = "workers"
STALE = 30_000
ATTEMPTS = 3
GONE = 3_600_000


@dataclass(frozen=True)
class Job:
    """`kind` is "note", "file" or "digest"; `subject` a row's id or a day."""

    kind: str
    subject: str
    request_id: str = ""
    entry: str = ""

    def fields(self) -> dict[str, str]:
        return {"kind": self.kind, "subject": self.subject, "request_id": self.request_id}


class Jobs:
    def __init__(self, settings: Settings, lifecycle: Lifecycle | None = None) -> None:
        self._redis = client(settings.redis_url, name=settings.process, wait=0, lifecycle=lifecycle)

    def answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except redis.RedisError:
            return False

    def add(self, job: Job) -> None:
        self._redis.xadd(STREAM, job.fields())

    def add_once(self, job: Job, key: str, seconds: int) -> bool:
        """False when somebody has added it under the same key before: two clocks do the work of one."""
        added = bool(self._redis.set(f"notes:once:{key}", job.subject, nx=True, ex=seconds))
        if added:
            self.add(job)
        return added

    def take(self, worker: str, wait: int = 1000) -> Job | None:
        """The next job, an abandoned one first; None when there was none for `wait` milliseconds."""
        try:
            return self._abandoned(worker) or self._next(worker, wait)
        except redis.ResponseError as error:
            if not str(error).startswith("NOGROUP"):
                raise
            self._open_group()
            return self.take(worker, wait)

    def done(self, job: Job) -> None:
        with self._redis.pipeline() as pipeline:
            pipeline.xack(STREAM, GROUP, job.entry)
            pipeline.xdel(STREAM, job.entry)
            pipeline.execute()

    def leave(self, worker: str) -> None:
        """Forget a worker that ends in order. One that still holds a job stays known: others take the job over."""
        with contextlib.suppress(redis.RedisError):
            if not self._redis.xpending_range(STREAM, GROUP, min="-", max="+", count=1, consumername=worker):
                self._redis.xgroup_delconsumer(STREAM, GROUP, worker)

    def tidy(self) -> None:
        """Forget the workers that were killed and whose jobs others have taken over."""
        with contextlib.suppress(redis.ResponseError):  # no worker has ever asked for a job
            for worker in self._redis.xinfo_consumers(STREAM, GROUP):
                if worker["pending"] == 0 and worker["idle"] > GONE:
                    self._redis.xgroup_delconsumer(STREAM, GROUP, worker["name"])

    def _open_group(self) -> None:
        """The first worker on an empty server makes it; several may be first."""
        try:
            self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise

    def _next(self, worker: str, wait: int) -> Job | None:
        answer = self._redis.xreadgroup(GROUP, worker, {STREAM: ">"}, count=1, block=wait)
        return _job(*answer[0][1][0]) if answer else None

    def _abandoned(self, worker: str) -> Job | None:
        claimed = self._redis.xautoclaim(STREAM, GROUP, worker, STALE, count=1)[1]
        if not claimed:
            return None
        job = _job(*claimed[0])
        if self._times_begun(job.entry) > ATTEMPTS:
            self._set_aside(job)
            return None
        log.info("job_taken_over", kind=job.kind, subject=job.subject)
        return job

    def _times_begun(self, entry: str) -> int:
        pending = self._redis.xpending_range(STREAM, GROUP, min=entry, max=entry, count=1)
        return int(pending[0]["times_delivered"]) if pending else 0

    def _set_aside(self, job: Job) -> None:
        log.error("job_set_aside", kind=job.kind, subject=job.subject)
        self._redis.xadd(FAILED, job.fields(), maxlen=1000)
        self.done(job)


def _job(entry: str, fields: dict[str, str]) -> Job:
    return Job(fields["kind"], fields["subject"], fields.get("request_id", ""), entry)
