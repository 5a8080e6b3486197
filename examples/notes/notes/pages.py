"""The pages: each asks the store, or changes it and hands the rest of the work to a worker."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

import redis
from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, session, url_for
from markupsafe import Markup, escape
from psycopg_pool import ConnectionPool
from twelve_runtime import events
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as Answer

from . import store
from .database import Connection
from .jobs import Job, Jobs
from .settings import Settings

log = events.logger()
TITLE, BODY, AUTHOR, NAME = 200, 100_000, 60, 150  # characters
TAB_AND_LINES = "\t\n"

blueprint = Blueprint("pages", __name__)


@dataclass(frozen=True)
class Services:
    pool: ConnectionPool[Connection]
    jobs: Jobs
    settings: Settings


def services() -> Services:
    found: Services = current_app.extensions["services"]
    return found


def database() -> AbstractContextManager[Connection]:
    return services().pool.connection()


@blueprint.get("/")
def index() -> str:
    return _index()


@blueprint.post("/notes")
def write() -> Answer | tuple[str, int]:
    title, body, author = _field("title", TITLE), _field("body", BODY), _field("author", AUTHOR)
    upload = _upload()
    if not title:
        return _index(problem="A note needs a title.", title=title, body=body), 422
    session["author"] = author
    with database() as db:
        note = store.write(db, title, body, author)
        file = store.attach(db, note, upload) if upload else None
    _hand_over("note", note)
    if file:
        _hand_over("file", file)
    flash("The note is saved.")
    return redirect(url_for(".show", note_id=note), 303)


@blueprint.get("/notes/<int:note_id>")
def show(note_id: int) -> str:
    with database() as db:
        note = store.note(db, note_id) or abort(404)
        return render_template("note.html", note=note, files=store.files(db, note_id))


@blueprint.post("/notes/<int:note_id>")
def change(note_id: int) -> Answer:
    title, body = _field("title", TITLE), _field("body", BODY)
    if not title:
        abort(422, "A note needs a title.")
    with database() as db:
        found = store.change(db, note_id, title, body)
    if not found:
        abort(404)
    _hand_over("note", note_id)
    flash("The note is changed.")
    return redirect(url_for(".show", note_id=note_id), 303)


@blueprint.post("/notes/<int:note_id>/delete")
def delete(note_id: int) -> Answer:
    with database() as db:
        found = store.delete(db, note_id)
    if not found:
        abort(404)
    flash("The note is gone.")
    return redirect(url_for(".index"), 303)


@blueprint.post("/notes/<int:note_id>/files")
def attach(note_id: int) -> Answer:
    upload = _upload() or abort(422, "Choose a file first.")
    with database() as db:
        store.note(db, note_id) or abort(404)
        file = store.attach(db, note_id, upload)
    _hand_over("file", file)
    flash(f"{upload.name} is attached.")
    return redirect(url_for(".show", note_id=note_id), 303)


@blueprint.get("/files/<int:file_id>/<path:name>")
def download(file_id: int, name: str) -> Response:
    with database() as db:
        file = store.file(db, file_id)
    if not file or file["name"] != name:
        abort(404)
    response = Response(file["content"], mimetype="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.post("/files/<int:file_id>/delete")
def remove_file(file_id: int) -> Answer:
    with database() as db:
        note_id = store.remove_file(db, file_id) or abort(404)
    flash("The file is removed.")
    return redirect(url_for(".show", note_id=note_id), 303)


@blueprint.get("/healthz")
def healthz() -> dict[str, str]:
    """Up when the database answers; without the queue notes can still be read and written."""
    with database() as db:
        db.execute("select 1")
    return {"database": "up", "queue": "up" if services().jobs.answers() else "down"}


@blueprint.app_template_filter("lit")
def lit(excerpt: str) -> Markup:
    """A search result's excerpt with the found words marked; everything else in it is text."""
    return Markup(str(escape(excerpt)).replace(store.LIGHT, "<mark>").replace(store.UNLIGHT, "</mark>"))


@blueprint.app_template_filter("size")
def size(count: int) -> str:
    if count < 1000:
        return f"{count} bytes"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{round(count / 1_000_000, 1):g} MB"


def _index(**typed: str) -> str:
    query = request.args.get("q", "").strip()[:TITLE]
    page = min(max(request.args.get("page", 1, type=int), 1), 10_000)
    with database() as db:
        found = store.search(db, query, page) if query else store.recent(db, page)
        digests = store.digests(db)
    notes, more = found[: store.PAGE], len(found) > store.PAGE
    return render_template("index.html", notes=notes, more=more, page=page, query=query, digests=digests, typed=typed)


def _field(name: str, limit: int) -> str:
    text = request.form.get(name, "").replace("\r\n", "\n")
    return "".join(c for c in text if c in TAB_AND_LINES or ord(c) >= ord(" ")).strip()[:limit]


def _upload() -> store.Upload | None:
    """The attached file; a form sent without one has an empty one in it."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return None
    limit = services().settings.max_file_bytes
    content = sent.read(limit + 1)
    if len(content) > limit:
        abort(413)
    return store.Upload(_name(sent), sent.mimetype or "application/octet-stream", content)


def _name(sent: FileStorage) -> str:
    last = (sent.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[-NAME:] or "file"


def _hand_over(kind: str, subject: int) -> None:
    """A lost job is asked for again by the clock: the row itself tells that nobody has looked at it."""
    try:
        services().jobs.add(Job(kind, str(subject), events.request_id()))
    except redis.RedisError as error:
        log.warning("queue_unreachable", reason=type(error).__name__)
