import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from twelve.core.errors import PlatformError
from twelve.core.model import ProcessState
from twelve.stages.run.local import journal
from twelve.stages.run.local.journal import Journal
from twelve.stages.run.processes import ProcessRecord


class Rows:
    """A database that can be away."""

    def __init__(self):
        self.rows = {}
        self.writes = 0
        self.there = threading.Event()
        self.there.set()

    def insert(self, records):
        self.rows.update({record.id: record for record in records})

    def update(self, records):
        self.writes += 1
        if not self.there.is_set():
            raise PlatformError("away")
        self.rows.update({record.id: record for record in records if record.id in self.rows})

    def delete(self, ids):
        for one in ids:
            self.rows.pop(one, None)

    def list(self, app_id=None):
        return list(self.rows.values())


def record():
    return ProcessRecord(
        uuid4(), UUID(int=1), "app", UUID(int=2), 1, "web", 1, "run", "eco", ProcessState.STARTING, kept=True, created_at=datetime.now(UTC)
    )  # fmt: skip


def test_the_latest_word_counts():
    rows, one = Rows(), record()
    rows.insert([one])
    book = Journal(rows)
    for pid in range(100):
        book.note(replace(one, pid=pid))
    book.flush()
    assert rows.rows[one.id].pid == 99
    assert rows.writes < 100
    book.forget(one.id)
    book.flush()
    assert rows.rows == {}
    book.close()


def test_what_was_noted_while_the_database_was_away_is_written_when_it_is_back(monkeypatch):
    monkeypatch.setattr(journal, "RETRY", 0.01)
    rows, one = Rows(), record()
    rows.insert([one])
    rows.there.clear()
    book = Journal(rows)
    book.note(replace(one, pid=7))
    book.flush(0.1)
    assert rows.rows[one.id].pid is None
    rows.there.set()
    book.flush()
    assert rows.rows[one.id].pid == 7
    book.close()
