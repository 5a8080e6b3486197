"""Which app a command is about: --app, TWELVE_APP, the app this directory is the codebase of, or the only one."""

import contextlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from twelve.core.errors import NotFound, TwelveError, UsageError
from twelve.core.model.app import app_name_problem
from twelve.core.policy.naming import app_name_from
from twelve.faces.cli.client import Client, segment

F = TypeVar("F", bound=Callable[..., Any])
ARCHIVE = re.compile(r"\.(tar(\.\w+)?|t[gbx]z2?)$")


def complete_apps(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    with contextlib.suppress(TwelveError):
        return [app["name"] for app in Client.here().list("/apps") if app["name"].startswith(incomplete)]
    return []


def app_option(function: F) -> F:
    text = "The app; else TWELVE_APP, the app of this directory, or the only one there is."
    return click.option("--app", "-a", envvar="TWELVE_APP", metavar="APP", help=text, shell_complete=complete_apps)(
        function
    )


def app_path(client: Client, given: str | None) -> str:
    """ "/apps/NAME" of the app that is meant."""
    return f"/apps/{segment(app_name(client, given))}"


def app_name(client: Client, given: str | None) -> str:
    if given:
        return given
    name = name_of(Path.cwd())
    try:
        client.get(f"/apps/{name}")
    except NotFound:
        return only_app(client, name)
    return name


def only_app(client: Client, missing: str) -> str:
    names = [str(app["name"]) for app in client.list("/apps")]
    if len(names) != 1:
        raise UsageError(
            f'Which app? This directory would be "{missing}", and there is none.',
            hint="Name one with --app; `twelve apps` lists them.",
        )
    return names[0]


def url_of(app: dict[str, Any]) -> str:
    """An app's address, without the slash that the API ends it with."""
    return str(app["web_url"]).rstrip("/")


def current_release(client: Client, path: str) -> dict[str, Any] | None:
    """The release that serves; newer ones have failed."""
    newest = client.page(f"{path}/releases", "version ..; max=100, order=desc")
    return next((release for release in newest if release["current"]), None)


def name_of(place: Path) -> str:
    """The name of the app a directory or tarball holds: from the directory's app.json, else its own."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        name = json.loads((place / "app.json").read_bytes())["name"]
        if isinstance(name, str) and name.strip():
            return name if app_name_problem(name) is None else app_name_from(name)
    return app_name_from(ARCHIVE.sub("", place.resolve().name))
