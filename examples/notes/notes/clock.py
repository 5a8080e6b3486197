"""Process type `clock`: once a minute it asks for today's digest, and for work whose job was lost with the queue.

It does no work itself, and two of them do no harm: each tick is published under a key of its own.
"""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import redis
from psycopg_pool import PoolTimeout
from twelve_runtime import Lifecycle, events

from . import database, settings, store
from .database import Connection
from .jobs import Job, Jobs

log = events.logger()


def tick_of(now: datetime, seconds: int) -> str:
    """The name of the tick that `now` falls into: the same for every clock."""
    return str(int(now.timestamp()) // seconds)


def until_next(now: float, seconds: int) -> float:
    return seconds - now % seconds


def tick(jobs: Jobs, db: Connection, now: datetime, seconds: int) -> None:
    name = tick_of(now, seconds)
    for day in _days(now):
        if jobs.add_once(Job("digest", day), f"digest:{day}:{name}", seconds * 10):
            log.info("digest_asked_for", day=day, tick=name)
    for kind, subject in store.unread(db):
        if jobs.add_once(Job(kind, subject), f"{kind}:{subject}:{name}", seconds * 10):
            log.info("job_asked_for_again", kind=kind, subject=subject)
    jobs.tidy()


def _days(now: datetime) -> list[str]:
    """Today; in the first hour also yesterday, so that its last notes are counted."""
    days = [now] if now.hour else [now, now - timedelta(days=1)]
    return [day.date().isoformat() for day in days]


def main() -> None:
    config = settings.load()
    events.configure(config.log_level)
    with Lifecycle() as lifecycle:
        jobs, pool = Jobs(config, lifecycle), database.pool(config, lifecycle)
        log.info("clock_ready", every=config.tick_seconds)
        while not lifecycle.stopping:
            try:
                with pool.connection() as db:
                    tick(jobs, db, datetime.now(UTC), config.tick_seconds)
            except (redis.RedisError, psycopg.OperationalError, PoolTimeout) as error:
                log.error("service_unreachable", reason=type(error).__name__)  # noqa: TRY400 - an outage needs no stack
            lifecycle.sleep(until_next(time.time(), config.tick_seconds))
    log.info("clock_stopped")


if __name__ == "__main__":
    main()
