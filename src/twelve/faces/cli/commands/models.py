"""`twelve models [list | push | show | pull | verify | gc | remove | alias | promote | import | keypair]`"""

from pathlib import Path

import click

from twelve.faces.cli.commands import model_alias, model_changes, model_import
from twelve.faces.cli.family import Family
from twelve.faces.cli.output import json_option, show_json, show_table
from twelve.faces.cli.which_app import app_option

HEADERS = ("MODEL", "FORMAT", "SIZE", "METRICS", "DATA", "ALIASES", "RELEASES", "CREATED")
ref_argument = click.argument("ref", metavar="NAME[@VERSION]")


@click.group("models", cls=Family)
def command() -> None:
    """Models as immutable artifacts in the app's object store, and which of them its releases serve.

    The store is the one MODEL_STORE_URL names: `twelve services add s3 --as MODEL_STORE`.

    \b
    Examples:
      twelve models push digits build/model
      twelve models show digits@3
      twelve models alias set digits champion 3
      twelve models promote digits@champion
      twelve models pull digits@3 /tmp/digits
    """


for changing in (*model_changes.COMMANDS, model_alias.command, model_import.command):
    command.add_command(changing)


@command.command("list")
@click.argument("name", required=False)
@app_option
@json_option
def list_(name: str | None, app: str | None, as_json: bool) -> None:
    """The newest version of each model, or all versions of one."""
    from twelve.faces.cli import artifacts, model_facts

    with artifacts.told():
        found = model_facts.overview(artifacts.opened(app), name)
    if as_json:
        show_json(found)
    else:
        show_table(HEADERS, map(model_facts.row, found), empty="No models. `twelve models push` makes the first.")


@command.command()
@ref_argument
@app_option
@json_option
def show(ref: str, app: str | None, as_json: bool) -> None:
    """One version: what it is, what it was trained on, and which releases serve it."""
    from twelve.faces.cli import artifacts, model_facts
    from twelve.faces.cli.model_ref import resolved

    with artifacts.told():
        here = artifacts.opened(app)
        found = resolved(here, ref)
    document = model_facts.document(found, here.aliases(), model_facts.releases_of(here))
    if as_json:
        show_json(document)
        return
    click.secho(found.manifest.ref, bold=True)
    for label, text in model_facts.lines(document, found.manifest):
        if text:
            click.echo(f"{label + ':':<11}{text}")


@command.command()
@ref_argument
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--allow-pickle", is_flag=True, help="Also files that run code when they are loaded.")
@app_option
@json_option
def pull(ref: str, directory: Path, allow_pickle: bool, app: str | None, as_json: bool) -> None:
    """Copy a version's files, every byte verified, into a directory that is new or empty."""
    from twelve_runtime.artifacts.cache import download, pickles

    from twelve.core.errors import BadModel
    from twelve.faces.cli import artifacts, model_facts
    from twelve.faces.cli.model_ref import resolved

    with artifacts.told():
        here = artifacts.opened(app)
        found = resolved(here, ref)
        if pickles(found.manifest) and not allow_pickle:
            raise BadModel(f"{found.manifest.ref} runs code when it is loaded.", hint="--allow-pickle copies it still.")
        with artifacts.progress(found.manifest.ref, found.manifest.size) as progress:
            download(here.store, found.manifest.files, directory, progress)
    if as_json:
        paths = [file.path for file in found.manifest.files]
        show_json(model_facts.named(found) | {"directory": str(directory), "files": paths})
    else:
        artifacts.say_pulled(found.manifest.ref, directory, len(found.manifest.files))


@command.command()
@ref_argument
@app_option
@json_option
def verify(ref: str, app: str | None, as_json: bool) -> None:
    """Read every byte of a version and compare it with what was published; and its signature, with MODEL_PUBLIC_KEY."""
    from twelve_runtime.artifacts import models

    from twelve.faces.cli import artifacts, model_facts
    from twelve.faces.cli.model_ref import resolved

    with artifacts.told():
        here = artifacts.opened(app)
        found = resolved(here, ref)
        with artifacts.progress(found.manifest.ref, found.manifest.size) as progress:
            size = models.verify(here.store, found, progress)
    if as_json:
        show_json(model_facts.named(found) | {"size": size, "signed_by": found.signed_by})
        return
    signed = f", signed by {found.signed_by}" if found.signed_by else ""
    click.echo(f"{found.manifest.ref} is whole: {artifacts.human(size)} as published, {found.digest}{signed}.")
