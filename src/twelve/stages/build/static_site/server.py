"""Serves a directory of files, in the app's own process: copied into the environment of every static site.

gunicorn "twelve_static:site('dist', 'public')"     the first directory that holds an index.html
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from whitenoise import WhiteNoise  # type: ignore[import-not-found]  # installed where this runs, not in twelve

INDEX, MISSING = "index.html", "404.html"
NOT_THE_SITE = {
    "node_modules",
    "Procfile",
    "app.json",
    "package.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
}
CACHE_SECONDS = 60

StartResponse = Callable[[str, list[tuple[str, str]]], object]


def site(*directories: str) -> Any:
    """The WSGI application for the first of the directories that has an index.html."""
    root = next((Path(name).resolve() for name in directories if (Path(name) / INDEX).is_file()), None)
    if root is None:
        raise SystemExit(f"There is no {INDEX} in {', '.join(directories)}.")
    served = WhiteNoise(_not_found(root / MISSING), index_file=True, max_age=CACHE_SECONDS)
    for name in public_files(root):
        served.add_file_to_dictionary(f"/{name}", os.fspath(root / name))
    return served


def public_files(root: Path) -> Iterator[str]:
    """No hidden files but .well-known, and none of those that only build or run the site."""
    for directory, inner, files in os.walk(root):
        inner[:] = [name for name in inner if _public(name)]
        place = Path(directory).relative_to(root)
        yield from ((place / name).as_posix() for name in files if _public(name))


def _public(name: str) -> bool:
    return (not name.startswith(".") or name == ".well-known") and name not in NOT_THE_SITE


def _not_found(page: Path) -> Callable[[dict[str, Any], StartResponse], Iterable[bytes]]:
    body = page.read_bytes() if page.is_file() else b"Not found\n"
    kind = "text/html; charset=utf-8" if page.is_file() else "text/plain; charset=utf-8"

    def answer(_environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("404 Not Found", [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    return answer
