"""Process type `worker`: counts words, reads the text of attached files for the search, makes the daily digest."""

import time
import uuid
from collections.abc import Callable, Mapping
from datetime import date

import psycopg
import redis
from psycopg_pool import ConnectionPool, PoolTimeout
from twelve_runtime import Lifecycle, events

from . import database, settings, store, text
from .database import Connection
from .jobs import Job, Jobs

log = events.logger()


def count_words(db: Connection, subject: str) -> None:
    note = store.note(db, int(subject))
    if note:
        store.counted(db, int(subject), text.words(f"{note['title']} {note['body']}"))


def read_file(db: Connection, subject: str) -> None:
    file = store.file(db, int(subject))
    if file:
        store.read(db, int(subject), text.read(file["content"], file["media_type"]))


def make_digest(db: Connection, subject: str) -> None:
    store.make_digest(db, date.fromisoformat(subject))


KINDS: Mapping[str, Callable[[Connection, str], None]] = {
    "note": count_words,
    "file": read_file,
    "digest": make_digest,
}


class Worker:
    """`name` is new at each start: two generations of worker.1 run side by side during a deploy."""

    def __init__(self, jobs: Jobs, pool: ConnectionPool[Connection], process: str) -> None:
        self.jobs = jobs
        self.pool = pool
        self.name = f"{process}-{uuid.uuid4().hex[:8]}"

    def run(self, lifecycle: Lifecycle) -> None:
        log.info("worker_ready", worker=self.name)
        while not lifecycle.stopping:
            try:
                self.step()
            except (redis.RedisError, psycopg.OperationalError, PoolTimeout) as error:
                log.error("service_unreachable", reason=type(error).__name__)  # noqa: TRY400 - an outage needs no stack
                lifecycle.sleep(1)
        self.jobs.leave(self.name)
        log.info("worker_stopped", worker=self.name)

    def step(self) -> None:
        """One job, or a second of waiting for one. Acknowledged only when it is done."""
        job = self.jobs.take(self.name)
        if job:
            self.do(job)
            self.jobs.done(job)

    def do(self, job: Job) -> None:
        with events.bound(request_id=job.request_id):
            started = time.monotonic()
            with self.pool.connection() as db:
                KINDS[job.kind](db, job.subject)
            milliseconds = round((time.monotonic() - started) * 1000)
            log.info("job_done", kind=job.kind, subject=job.subject, ms=milliseconds)


def main() -> None:
    config = settings.load()
    events.configure(config.log_level)
    with Lifecycle() as lifecycle:
        jobs, pool = Jobs(config, lifecycle), database.pool(config, lifecycle)
        Worker(jobs, pool, config.process).run(lifecycle)


if __name__ == "__main__":
    main()
