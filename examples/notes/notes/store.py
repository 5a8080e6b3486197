"""Notes and files in Postgres: one function a question. State lives here and nowhere else (factor VI)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from .database import Connection
from .text import Reading

PAGE = 20
LIGHT, UNLIGHT = "\x02", "\x03"  # around what a search found; become <mark> in the page

Row = dict[str, Any]

_COLUMNS = "id, title, author, words, created_at, changed_at"
_SEARCH = f"""
    with query as (select websearch_to_tsquery('english', %(text)s) as q),
    hits as (
        select note_id, max(rank) as rank from (
            select id as note_id, ts_rank(search, q) as rank from notes, query where search @@ q
            union all
            select note_id, ts_rank(search, q) / 2 from files, query where search @@ q
        ) as found group by note_id
    )
    select {_COLUMNS}, (select count(*) from files where note_id = notes.id) as files,
           ts_headline('english', body, q, %(options)s) as excerpt
    from hits join notes on notes.id = hits.note_id, query
    order by rank desc, id desc limit %(limit)s offset %(offset)s
"""


@dataclass(frozen=True)
class Upload:
    name: str
    media_type: str
    content: bytes


def recent(db: Connection, page: int) -> list[Row]:
    """One more than a page holds, so that the caller sees whether there is a next one."""
    query = f"""
        select {_COLUMNS}, (select count(*) from files where note_id = notes.id) as files, left(body, 400) as excerpt
        from notes order by id desc limit %s offset %s"""
    return db.execute(query, (PAGE + 1, PAGE * (page - 1))).fetchall()


def search(db: Connection, text: str, page: int) -> list[Row]:
    options = f"StartSel={LIGHT}, StopSel={UNLIGHT}, MaxWords=40, MinWords=20"
    values = {"text": text, "options": options, "limit": PAGE + 1, "offset": PAGE * (page - 1)}
    return db.execute(_SEARCH, values).fetchall()


def note(db: Connection, note_id: int) -> Row | None:
    return db.execute(f"select {_COLUMNS}, body from notes where id = %s", (note_id,)).fetchone()


def write(db: Connection, title: str, body: str, author: str) -> int:
    row = db.execute(
        "insert into notes (title, body, author) values (%s, %s, %s) returning id", (title, body, author)
    ).fetchone()
    return _id(row)


def change(db: Connection, note_id: int, title: str, body: str) -> bool:
    query = "update notes set title = %s, body = %s, words = null, changed_at = now() where id = %s"
    return db.execute(query, (title, body, note_id)).rowcount == 1


def delete(db: Connection, note_id: int) -> bool:
    return db.execute("delete from notes where id = %s", (note_id,)).rowcount == 1


def attach(db: Connection, note_id: int, upload: Upload) -> int:
    row = db.execute(
        "insert into files (note_id, name, media_type, size, content) values (%s, %s, %s, %s, %s) returning id",
        (note_id, upload.name, upload.media_type, len(upload.content), upload.content),
    ).fetchone()
    return _id(row)


def files(db: Connection, note_id: int) -> list[Row]:
    query = "select id, name, media_type, size, preview, words from files where note_id = %s order by id"
    return db.execute(query, (note_id,)).fetchall()


def file(db: Connection, file_id: int) -> Row | None:
    return db.execute("select id, name, media_type, size, content from files where id = %s", (file_id,)).fetchone()


def remove_file(db: Connection, file_id: int) -> int | None:
    """The note it belonged to."""
    row = db.execute("delete from files where id = %s returning note_id", (file_id,)).fetchone()
    return int(row["note_id"]) if row else None


def counted(db: Connection, note_id: int, words: int) -> None:
    db.execute("update notes set words = %s where id = %s", (words, note_id))


def read(db: Connection, file_id: int, reading: Reading) -> None:
    query = "update files set preview = %s, words = %s, search = to_tsvector('english', %s) where id = %s"
    db.execute(query, (reading.preview, reading.words, reading.text, file_id))


def unread(db: Connection, older_than: int = 60) -> list[tuple[str, str]]:
    """Kind and id of what no worker has looked at yet: its job was lost with the queue."""
    query = """
        select 'note' as kind, id from notes where words is null and changed_at < now() - %(age)s * interval '1 second'
        union all
        select 'file', id from files where preview is null and created_at < now() - %(age)s * interval '1 second'
        order by id limit 500"""
    return [(str(row["kind"]), str(row["id"])) for row in db.execute(query, {"age": older_than}).fetchall()]


def make_digest(db: Connection, day: date) -> None:
    """Count a day. Made again it is the same row with today's numbers."""
    db.execute(
        """
        insert into digests (day, notes, words, files)
        select %(day)s, count(*), coalesce(sum(words), 0),
               (select count(*) from files where (created_at at time zone 'UTC')::date = %(day)s)
        from notes where (created_at at time zone 'UTC')::date = %(day)s
        on conflict (day) do update
        set notes = excluded.notes, words = excluded.words, files = excluded.files, made_at = now()""",
        {"day": day},
    )


def digests(db: Connection, days: int = 7) -> list[Row]:
    return db.execute(
        "select day, notes, words, files, made_at from digests order by day desc limit %s", (days,)
    ).fetchall()


def _id(row: Row | None) -> int:
    assert row is not None
    return int(row["id"])
