"""`twelve releases [list | info | diff]`"""

from typing import Any

import click

from twelve.core.errors import NotFound
from twelve.core.model.config import MASK
from twelve.faces.cli.client import Client, segment
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option, app_path, current_release

Object = dict[str, Any]


@click.group("releases", cls=Family)
def command() -> None:
    """List releases and compare them. Each is code, config and attachments, numbered, and never changes.

    \b
    Examples:
      twelve releases
      twelve releases info v12
      twelve releases diff v11 v12
    """


@command.command("list")
@click.option(
    "--num", "-n", type=click.IntRange(1, 1000), default=15, show_default=True, help="How many, newest first."
)
@app_option
@json_option
def list_(num: int, app: str | None, as_json: bool) -> None:
    """The newest releases, newest first; with --json in their own order, as the API lists them."""
    client = Client.here()
    releases = client.page(f"{app_path(client, app)}/releases", f"version ..; max={num}, order=desc")
    if as_json:
        show_json(releases[::-1])
        return
    rows: list[tuple[str, ...]] = [
        (
            f"v{r['version']}",
            standing(r),
            r["description"],
            model_of(r),
            r["user"]["email"],
            ago(r["created_at"]),
        )
        for r in releases
    ]
    headers: tuple[str, ...] = ("RELEASE", "STATUS", "WHAT", "MODEL", "BY", "WHEN")
    if not any(r["model"] for r in releases):
        headers, rows = without_column(headers, 3), [without_column(row, 3) for row in rows]
    show_table(headers, rows, empty="No releases yet. `twelve up` makes the first.")


def model_of(release: Object) -> str:
    """The model a release serves, as digits@3."""
    model = release["model"]
    return f"{model['name']}@{model['version']}" if model else ""


def without_column(row: tuple[str, ...], column: int) -> tuple[str, ...]:
    return (*row[:column], *row[column + 1 :])


def standing(release: Any) -> str:
    if release["current"]:
        return "current"
    return "candidate" if release["candidate"] and release["status"] == "succeeded" else str(release["status"])


@command.command()
@click.argument("release", required=False, metavar="[vN]")
@click.option("--show-values", is_flag=True, help="Show the values of config vars.")
@app_option
@json_option
def info(release: str | None, show_values: bool, app: str | None, as_json: bool) -> None:
    """One release, or the current one: what made it, and the config it froze."""
    client = Client.here()
    path = app_path(client, app)
    found = client.get(f"{path}/releases/{segment(release)}") if release else current_release(client, path)
    if found is None:
        raise NotFound("This app has no release yet.", hint="`twelve up` makes the first.")
    if as_json:
        show_json(found)
        return
    describe(found)
    for key, value in client.get(f"{path}/releases/{found['id']}/config-vars").items():
        click.echo(f"  {key}={value if show_values else MASK}")


def describe(release: Object) -> None:
    click.secho(f"v{release['version']}  {release['description']}", bold=True)
    click.echo(f"By:      {release['user']['email']}, {ago(release['created_at'])}")
    click.echo(f"Status:  {release['status']}{', current' if release['current'] else ''}")
    if failure := release.get("failure"):
        click.echo(f"Failure: {failure['message'] if isinstance(failure, dict) else failure}")
    if model := release["model"]:
        trained = f", trained on {model['data']}" if model["data"] else ""
        click.echo(f"Model:   {model_of(release)}, {model['digest']}{trained}")
    click.echo("Config:")


@command.command()
@click.argument("old", metavar="vA")
@click.argument("new", metavar="vB")
@app_option
def diff(old: str, new: str, app: str | None) -> None:
    """What differs between two releases: slug, commit and config keys; never a value."""
    client = Client.here()
    path = app_path(client, app)
    one, other = snapshot(client, path, old), snapshot(client, path, new)
    lines = [line for part in one for line in changes(part, one[part], other[part])]
    for line in lines or [f"No difference between {old} and {new}."]:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))


def snapshot(client: Client, path: str, version: str) -> dict[str, Object]:
    release = client.get(f"{path}/releases/{segment(version)}")
    config = client.get(f"{path}/releases/{segment(version)}/config-vars")
    slug = client.get(f"{path}/slugs/{release['slug']['id']}") if release["slug"] else {}
    code = {key: value for key, value in (("slug", slug.get("id")), ("commit", slug.get("commit"))) if value}
    return {"code": code, "process type": slug.get("process_types", {}), "config": config}


def changes(part: str, old: Object, new: Object) -> list[str]:
    """`+` only in the new one, `-` only in the old one, `~` in both. Values only where they are no secret."""
    found = []
    for key in sorted({*old, *new}):
        if key not in old:
            found.append(f"+ {part} {key}{told(part, new[key])}")
        elif key not in new:
            found.append(f"- {part} {key}{told(part, old[key])}")
        elif old[key] != new[key]:
            found.append(f"~ {part} {key}{told(part, old[key])}{told(part, new[key])}")
    return found


def told(part: str, value: object) -> str:
    return "" if part == "config" else f"  {value}"
