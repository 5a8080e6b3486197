"""Factors V and XII: the `release` process type brings the schema up to the code, once, before the code runs.

Plain SQL files in order of their names, each in its own transaction and remembered with its digest.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from twelve_runtime import events
from twelve_runtime.oneoff import only_one, run

from . import database, settings
from .database import Connection

log = events.logger()
FOLDER = Path(__file__).with_name("migrations")
TURN = 600  # seconds that a release waits for another one to end


def migrations(folder: Path = FOLDER) -> Iterator[tuple[str, str, str]]:
    """Name, text and digest of each file, oldest first."""
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        yield path.name, text, hashlib.sha256(text.encode()).hexdigest()


def migrate(connection: Connection) -> int:
    """How many files were applied. The lock goes with the connection, even when this process is killed."""
    with only_one("notes.migrate", postgres=connection, wait=TURN):
        connection.execute(
            "create table if not exists migrations"
            " (name text primary key, digest text not null, applied_at timestamptz not null default now())"
        )
        rows = connection.execute("select name, digest from migrations").fetchall()
        known = {row["name"]: row["digest"] for row in rows}
        return sum(_apply(connection, known, *migration) for migration in migrations())


def _apply(connection: Connection, known: dict[str, str], name: str, text: str, digest: str) -> bool:
    if name in known:
        if known[name] != digest:
            raise SystemExit(f"{name} was changed after it had been applied: add a new file instead.")
        return False
    with connection.transaction():
        connection.execute(text)  # type: ignore[arg-type] - the text of a file of ours
        connection.execute("insert into migrations (name, digest) values (%s, %s)", (name, digest))
    log.info("migrated", file=name)
    return True


def main() -> None:
    config = settings.load()
    events.configure(config.log_level)
    with database.connect(config, autocommit=True) as connection:
        count = migrate(connection)
    log.info("schema_current", applied=count)


if __name__ == "__main__":
    run(main)
