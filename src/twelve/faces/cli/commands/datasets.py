"""`twelve datasets [list | push | pull | diff]`"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from twelve.faces.cli.family import Family
from twelve.faces.cli.output import ago, json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option

SHORT = 12


@click.group("datasets", cls=Family)
def command() -> None:
    """Training data as immutable snapshots in the app's object store, each known by the digest of its tree.

    \b
    Examples:
      twelve datasets push digits data/digits
      twelve config set TRAINING_DATA_VERSION=$(twelve datasets push digits data/digits --quiet)
      twelve datasets diff digits@1f0c82aa digits
      twelve datasets pull digits@1f0c82aa /tmp/digits
    """


@command.command("list")
@click.argument("name", required=False)
@app_option
@json_option
def list_(name: str | None, app: str | None, as_json: bool) -> None:
    """All versions, the newest first."""
    from twelve_runtime.artifacts import datasets

    from twelve.faces.cli import artifacts
    from twelve.faces.cli.dataset_ref import versions

    with artifacts.told("datasets"):
        here = artifacts.opened(app)
        names = [name] if name else datasets.dataset_names(here.store)
        found = [shown(one) for each in names for one in versions(here, each)]
    if as_json:
        show_json(found)
        return
    current = here.config.get("TRAINING_DATA_VERSION", "").rpartition("@")[2]  # NAME@TREE names the dataset too
    rows = [
        (
            one["name"], one["tree"][:SHORT] + ("*" if one["tree"] == current else ""), one["files"],
            artifacts.human(one["size"]), one["rows"], ago(one["created"]),
        )
        for one in found
    ]  # fmt: skip
    show_table(("DATASET", "VERSION", "FILES", "SIZE", "ROWS", "CREATED"), rows, empty="No datasets.")


@command.command()
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--rows", type=click.IntRange(0), help="How many there are; counted by itself in .csv and .jsonl files.")
@click.option(
    "--source", metavar="TEXT", help="Where it comes from, such as a lakeFS commit; a PATH.dvc is read itself."
)
@click.option("--quiet", is_flag=True, help="Print the tree alone.")
@app_option
@json_option
def push(
    name: str, path: Path, rows: int | None, source: str | None, quiet: bool, app: str | None, as_json: bool
) -> None:
    """Publish a directory or file. The same content gives the same version; what is there is not sent again."""
    from twelve_runtime.artifacts import datasets

    from twelve.faces.cli import artifacts, dataset_facts

    with artifacts.told("datasets"):
        here = artifacts.opened(app, make=True)
        size = sum(place.stat().st_size for place in datasets.listed(path).values())
        known = dataset_facts.rows_of(path) if rows is None else rows
        with artifacts.progress(name, size) as progress:
            made = datasets.push(
                here.store, name, path, rows=known, source=dataset_facts.source_of(path, source), progress=progress
            )
    if as_json:
        show_json(shown(made.dataset) | {"new": made.new})
    elif quiet:
        click.echo(made.dataset.tree)
    else:
        click.echo(f"{'Published' if made.new else 'Already there:'} {name}@{made.dataset.tree}.")


@command.command()
@click.argument("ref", metavar="NAME[@TREE]")
@click.argument("directory", type=click.Path(path_type=Path))
@app_option
@json_option
def pull(ref: str, directory: Path, app: str | None, as_json: bool) -> None:
    """Copy a version's files, every byte verified, into a directory that is new or empty."""
    from twelve_runtime.artifacts import datasets

    from twelve.faces.cli import artifacts
    from twelve.faces.cli.dataset_ref import resolved

    with artifacts.told("datasets"):
        here = artifacts.opened(app)
        found = resolved(here, ref)
        with artifacts.progress(ref, found.size) as progress:
            datasets.pull(here.store, found, directory, progress)
    if as_json:
        show_json(shown(found) | {"directory": str(directory)})
    else:
        artifacts.say_pulled(f"{found.name}@{found.tree[:SHORT]}", directory, len(found.files))


@command.command()
@click.argument("old", metavar="NAME[@TREE]")
@click.argument("new", metavar="NAME[@TREE]|PATH")
@app_option
@json_option
def diff(old: str, new: str, app: str | None, as_json: bool) -> None:
    """Which files differ between two versions, or between a version and what is on this machine."""
    from twelve_runtime.artifacts import datasets

    from twelve.core.errors import UsageError
    from twelve.faces.cli import artifacts, dataset_facts
    from twelve.faces.cli.dataset_ref import resolved

    with artifacts.told("datasets"):
        here = artifacts.opened(app)
        if os.sep in new and not Path(new).exists():
            raise UsageError(f'"{new}" is neither a path here nor NAME[@TREE].')
        files = dataset_facts.files_of(Path(new)) if Path(new).exists() else resolved(here, new).files
        found = datasets.diff(resolved(here, old).files, files)
    if as_json:
        show_json({"added": list(found.added), "removed": list(found.removed), "changed": list(found.changed)})
        return
    for line in lines(found) or [f"No difference between {old} and {new}."]:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))


def lines(found: Any) -> list[str]:
    def marked() -> Iterator[str]:
        for mark, paths in (("+", found.added), ("-", found.removed), ("~", found.changed)):
            yield from (f"{mark} {path}" for path in paths)

    return list(marked())


def shown(found: Any) -> dict[str, Any]:
    return {
        "name": found.name,
        "tree": found.tree,
        "uri": found.uri,
        "files": len(found.files),
        "size": found.size,
        "rows": found.rows,
        "source": dict(found.source),
        "created": found.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
