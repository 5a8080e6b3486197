"""`twelve models import`"""

from pathlib import Path

import click

from twelve.faces.cli.output import json_option, show_json
from twelve.faces.cli.which_app import app_option


@click.command("import")
@click.argument("uri", metavar="models:/NAME@ALIAS")
@click.option("--name", metavar="NAME", help="What to call it here; else as there.")
@click.option("--about", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Signature and examples.")
@click.option("--tracking-uri", envvar="MLFLOW_TRACKING_URI", default="", metavar="URL", help="Where MLflow is.")
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Sign it; or MODEL_SIGNING_KEY."
)
@app_option
@json_option
def command(
    uri: str, name: str | None, about: Path | None, tracking_uri: str, key: Path | None, app: str | None, as_json: bool
) -> None:
    """Take a model over from an MLflow registry: an alias there becomes a version here, which never changes.

    Needs mlflow-skinny beside twelve. Of ONNX models signature and example are found out where onnxruntime is
    installed; for others --about gives them, as for `models push`.
    """
    from tempfile import TemporaryDirectory

    from twelve_runtime.artifacts import mlflow, models

    from twelve.faces.cli import artifacts, model_about

    with artifacts.told(), TemporaryDirectory() as scratch:
        here = artifacts.opened(app, make=True)
        taken = mlflow.take(uri, Path(scratch), tracking_uri)
        name = name or model_about.name_in(uri)
        draft = model_about.taken_over(name, taken, about, here.app)
        signing_key = artifacts.signing_key(key)
        made = models.publish(here.store, draft, taken.files, signing_key=signing_key)
    if as_json:
        show_json({"name": name, "version": made.version, "digest": made.digest})
    else:
        click.echo(f"Published {name}@{made.version} from {taken.lineage['source']}, {made.digest}.")
