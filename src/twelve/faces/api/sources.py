"""Sources: an address to upload a tarball to, and one that a build takes it from. Both are capability URLs."""

import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from anyio import open_file, to_thread
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from twelve.core.errors import Conflict, NotFound, UsageError
from twelve.faces.api.routes import CHANGES, Call, Routes, call_of
from twelve.infra.settings import Settings

PUT, GET = "source upload", "source"
SECONDS = 3600
LIMIT = 1024**3
BUFFER = 1024**2

routes = Routes()


@routes.post("/sources")
@routes.post("/apps/{app}/sources")
def create(call: Call) -> Any:
    _sweep(call.platform.settings.uploads)
    facts = {"source": str(uuid4())}
    urls = {f"{verb.lower()}_url": _url(call, kind, facts) for verb, kind in (("get", GET), ("put", PUT))}
    return {"source_blob": urls}


def uploaded(call: Call, url: str) -> Path:
    """The file behind one of our own get_urls."""
    prefix, _, secret = urlsplit(url).path.rpartition("/")
    if prefix != "/_sources":
        raise UsageError("The source must be uploaded first.", hint="POST /sources gives the addresses to use.")
    path = _path(call.platform.settings, call.capabilities.open(GET, secret)["source"])
    if not path.is_file():
        raise NotFound("Nothing has been uploaded there, or it has been built already.", resource="source")
    return path


@routes.get("/_sources/{secret}")
def download(call: Call) -> Response:
    return FileResponse(uploaded(call, f"/_sources/{call.path['secret']}"), media_type="application/gzip")


@routes.raw("PUT", "/_sources/{secret}")
async def upload(request: Request) -> Response:
    """Once. The file appears under its name only when it is whole."""
    call = call_of(request, {})
    path = _path(call.platform.settings, call.capabilities.open(PUT, call.path["secret"])["source"])
    part = path.with_suffix(f".{uuid4()}")
    try:
        await _received(request, part)
        await to_thread.run_sync(os.link, part, path, limiter=CHANGES)
    except FileExistsError:
        raise Conflict("This address has been used already.", resource="source") from None
    finally:
        part.unlink(missing_ok=True)
    return Response()


async def _received(request: Request, part: Path) -> None:
    """A client that is refused half-way still sends; it hears why only when it has been listened to."""
    chunks = request.stream()
    try:
        await _receive(chunks, part)
    except Exception:
        async for _ in chunks:
            pass
        raise


async def _receive(chunks: AsyncIterator[bytes], part: Path) -> None:
    size, buffer = 0, bytearray()
    async with await open_file(part, "xb") as out:
        async for chunk in chunks:
            buffer += chunk
            size += len(chunk)
            if size > LIMIT:
                raise UsageError("The source is larger than 1 GiB.", hint="Leave files out with .slugignore.")
            if len(buffer) >= BUFFER:
                await out.write(buffer)
                buffer = bytearray()
        await out.write(buffer)


def _sweep(uploads: Path) -> None:
    """What was uploaded and never built: its address has long expired."""
    oldest = time.time() - 2 * SECONDS
    for file in uploads.iterdir():
        with contextlib.suppress(FileNotFoundError):
            if file.is_file() and file.stat().st_mtime < oldest:
                file.unlink()


def _url(call: Call, kind: str, facts: dict[str, str]) -> str:
    return call.url(f"/_sources/{call.capabilities.issue(kind, SECONDS, facts)}")


def _path(settings: Settings, source: str) -> Path:
    return settings.uploads / f"{UUID(source)}.tgz"
