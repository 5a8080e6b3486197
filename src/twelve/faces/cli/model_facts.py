"""What `models list` and `models show` print: the store's manifests, joined with the ledger's aliases and releases."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.cache import Resolved
from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.artifacts.tensors import Tensor

from twelve.core.errors import NotFound
from twelve.faces.cli.artifacts import Here, human
from twelve.faces.cli.output import ago

SHORT = 12


def overview(here: Here, name: str | None) -> list[dict[str, Any]]:
    """All versions of one model, or the newest of each, with what points at them."""
    aliases, releases = here.aliases(), releases_of(here)
    found = []
    for each in [name] if name else models.model_names(here.store):
        live = [version for version in models.versions(here.store, each) if not version.deleted]
        if name and not live:
            raise NotFound(f"There is no model {name} in {here.store.name}.", hint="`twelve models list` shows them.")
        for version in live if name else live[:1]:
            resolved = models.resolve(here.store, version.version, each)
            found.append(document(resolved, aliases, releases))
    return found


def document(
    resolved: Resolved, aliases: Sequence[Mapping[str, Any]], releases: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    return {
        **resolved.manifest.document,
        "digest": resolved.digest,
        "size": resolved.manifest.size,
        "signed_by": resolved.signed_by,
        "aliases": [one["alias"] for one in aliases if one["digest"] == resolved.digest],
        "releases": [one["version"] for one in releases if one["model"]["digest"] == resolved.digest],
    }


def named(found: Resolved) -> dict[str, Any]:
    return {"name": found.manifest.name, "version": found.manifest.version, "digest": found.digest}


def releases_of(here: Here) -> list[dict[str, Any]]:
    """Those of this app that have served a model."""
    listed = here.client.list(f"{here.path}/releases")
    return [release for release in listed if release["model"] and release["status"] == "succeeded"]


def row(found: Mapping[str, Any]) -> tuple[str, ...]:
    data = found.get("data", {}).get("sha256", "")
    return (
        f"{found['name']}@{found['version']}",
        found["framework"],
        human(found["size"]),
        figures(found.get("metrics", {})),
        data[:SHORT],
        ", ".join(found["aliases"]),
        numbers(found["releases"]),
        ago(found["created"]),
    )


def lines(found: Mapping[str, Any], manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Label and text, from the data to the model to the releases."""
    data, lineage = manifest.data, manifest.lineage
    yield "Digest", found["digest"]
    yield "Format", manifest.framework + (f", opset {manifest.opset}" if manifest.opset else "")
    yield "Files", ", ".join(f"{file.path} ({human(file.size)})" for file in manifest.files)
    yield "Inputs", tensors(manifest.signature.inputs)
    yield "Outputs", tensors(manifest.signature.outputs)
    yield "Metrics", figures(manifest.metrics)
    yield "Data", f"{data.get('uri', data.get('sha256', ''))}" + (f", {data['rows']} rows" if data.get("rows") else "")
    keys = ("app", "release", "git", "slug", "process", "train_key", "source")
    yield "Made by", ", ".join(f"{key} {lineage[key]}" for key in keys if lineage.get(key))
    yield "Created", f"{found['created']} ({ago(found['created'])})"
    yield "Signed by", found["signed_by"]
    yield "Aliases", ", ".join(found["aliases"])
    yield "Releases", numbers(found["releases"])


def figures(metrics: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in metrics.items() if type(value) in {int, float})


def numbers(releases: Sequence[int]) -> str:
    return ", ".join(f"v{number}" for number in releases)


def tensors(found: Sequence[Tensor]) -> str:
    return ", ".join(f"{one.name} {one.datatype} {list(one.shape)}" for one in found)
