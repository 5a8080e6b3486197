"""Every error as the API answers it: {"id", "message"} for any client, and what the twelve command needs beside."""

import errno
import logging
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from twelve.core.errors import DiskFull, NotFound, TwelveError, Unauthorized, UsageError

log = logging.getLogger("twelve.api")


def document(error: TwelveError) -> dict[str, Any]:
    place = f"{error.where}: " if error.where else ""
    answer: dict[str, Any] = {"id": error.id, "message": place + error.message, "exit_code": error.exit_code}
    if error.resource:
        answer["resource"] = error.resource
    if error.hint:
        answer["hint"] = error.hint
    if error.log:
        answer["log"] = list(error.log)
    return answer


def answer(error: TwelveError, status: int | None = None) -> JSONResponse:
    headers = {"WWW-Authenticate": 'Bearer realm="twelve"'} if isinstance(error, Unauthorized) else None
    return JSONResponse(document(error), status or error.http_status, headers)


async def expected(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TwelveError)
    return answer(error)


async def refused(request: Request, error: Exception) -> JSONResponse:
    """What the routing itself refuses: no such path, or not with this method."""
    assert isinstance(error, HTTPException)
    if error.status_code in {404, 405}:
        return answer(NotFound(f"There is no {request.method} {request.url.path} in this API."))
    return answer(UsageError(str(error.detail)), error.status_code)


def unexpected(error: Exception) -> JSONResponse:
    """A defect of ours, or the world's: the traceback goes to the log, one sentence to the client."""
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return answer(DiskFull("The disk is full.", hint="Free some space and try again."))
    log.error("Unexpected error", exc_info=error)
    message = f"Something went wrong inside twelve: {type(error).__name__}."
    return answer(TwelveError(message, hint="The server's output tells more."))
