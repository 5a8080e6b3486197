"""The verbs of `twelve models` that change something: push, remove, gc, promote, keypair."""

import os
from pathlib import Path

import click

from twelve.faces.cli.output import json_option, show_json
from twelve.faces.cli.which_app import app_option


@click.command()
@click.argument("name")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--about", type=click.Path(dir_okay=False, path_type=Path), help="What the model is; else PATH/model.json."
)
@click.option("--data", metavar="NAME@TREE", help="The dataset it was trained on.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Sign it; or MODEL_SIGNING_KEY."
)
@app_option
@json_option
def push(
    name: str, path: Path, about: Path | None, data: str | None, key: Path | None, app: str | None, as_json: bool
) -> None:
    """Publish a directory or file as the next version. What is in it never changes again."""
    from twelve_runtime.artifacts import models

    from twelve.faces.cli import artifacts, model_about
    from twelve.faces.cli.dataset_ref import lineage_of

    with artifacts.told():
        here = artifacts.opened(app, make=True)
        said = model_about.about_of(path, about)
        files = model_about.contents(path, said)
        draft = model_about.draft(name, said, {"app": here.app}, lineage_of(here, data) if data else {})
        signing_key = artifacts.signing_key(key)
        with artifacts.progress(name, sum(file.stat().st_size for file in files.values())) as progress:
            made = models.publish(here.store, draft, files, signing_key=signing_key, progress=progress)
    if as_json:
        show_json({"name": name, "version": made.version, "digest": made.digest, "new": made.new})
    else:
        click.echo(f"{'Published' if made.new else 'Already there:'} {name}@{made.version}, {made.digest}.")


@click.command()
@click.argument("ref", metavar="NAME@VERSION")
@click.option("--reason", default="", help="Kept beside it.")
@app_option
@json_option
def remove(ref: str, reason: str, app: str | None, as_json: bool) -> None:
    """Take a version away: no new release gets it, those that have it keep it, its number stays taken."""
    from twelve_runtime.artifacts import models

    from twelve.faces.cli import artifacts

    with artifacts.told():
        here = artifacts.opened(app)
        name, version = artifacts.split(ref, needed="version")
        models.delete(here.store, name, version, reason)
    if as_json:
        show_json({"name": name, "version": version, "reason": reason})
    else:
        click.echo(f"Removed {ref}. `twelve models gc` sweeps what no release needs.")


@click.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@app_option
@json_option
def gc(dry_run: bool, app: str | None, as_json: bool) -> None:
    """Sweep contents that are a day old and that neither a version, a dataset nor a release needs."""
    from twelve_runtime.artifacts import models

    from twelve.faces.cli import artifacts

    with artifacts.told():
        here = artifacts.opened(app)
        swept = models.gc(here.store, here.client.get("/_twelve/model-digests"), dry_run=dry_run)
    if as_json:
        show_json({"swept": list(swept.paths), "size": swept.size, "kept": swept.kept})
    else:
        verb = "Would sweep" if dry_run else "Swept"
        click.echo(f"{verb} {len(swept.paths)} objects ({artifacts.human(swept.size)}); {swept.kept} stay.")


@click.command()
@click.argument("ref", metavar="NAME@VERSION")
@click.option("--candidate", is_flag=True, help="In a release that takes no requests; `rollout` gives it some.")
@app_option
@json_option
def promote(ref: str, candidate: bool, app: str | None, as_json: bool) -> None:
    """Make a release that serves a version. An alias means what it means now; the release pins the digest."""
    from twelve.faces.cli.artifacts import split
    from twelve.faces.cli.client import Client
    from twelve.faces.cli.which_app import app_path

    client = Client.here()
    name, version = split(ref, needed="version")
    body = {"name": name, "version": version, "candidate": candidate}
    release = client.post(f"{app_path(client, app)}/model-promotions", body)
    if as_json:
        show_json(release)
    else:
        model = release["model"]
        verb = "is a candidate with" if candidate else "serves"
        click.echo(f"v{release['version']} {verb} {model['name']}@{model['version']}, {model['digest']}.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def keypair(file: Path) -> None:
    """Make a key for signing: the private one goes to a new FILE (0600), the public one is printed."""
    from twelve_runtime.artifacts import signing

    from twelve.core.errors import Conflict, UsageError

    private, public = signing.keypair()
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:  # noqa: PTH123 - with a mode
            out.write(f"{private}\n")
    except FileExistsError:
        raise Conflict(f"{file} is there already, and a key is never written over.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None
    click.echo(public)


COMMANDS = (push, remove, gc, promote, keypair)
