"""Factor XII: an admin task in the same release and environment: `twelve run python -m notes.requeue`.

Asks the workers to look at every note and file again, after a change in notes/text.py for example.
"""

import psycopg

from . import log, settings
from .jobs import Job, Jobs


def main() -> None:
    config = settings.load()
    log.configure(config.log_level)
    jobs = Jobs(config)
    count = 0
    with psycopg.connect(config.database_url, connect_timeout=10) as db:
        for kind, subject in db.execute("select 'note', id from notes union all select 'file', id from files"):
            jobs.add(Job(kind, str(subject)))
            count += 1
    log.event("requeued", jobs=count)


if __name__ == "__main__":
    main()
