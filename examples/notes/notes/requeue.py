"""Factor XII: an admin task in the same release and environment: `twelve run python -m notes.requeue`.

Asks the workers to look at every note and file again, after a change in notes/text.py for example.
"""

from twelve_runtime import events
from twelve_runtime.oneoff import run

from . import database, settings
from .jobs import Job, Jobs


def main() -> None:
    config = settings.load()
    log = events.configure(config.log_level)
    jobs = Jobs(config)
    count = 0
    with database.connect(config) as db:
        for row in db.execute("select 'note' as kind, id from notes union all select 'file', id from files"):
            jobs.add(Job(row["kind"], str(row["id"])))
            count += 1
    log.info("requeued", jobs=count)


if __name__ == "__main__":
    run(main)
