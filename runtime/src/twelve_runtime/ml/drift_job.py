"""`python -m twelve_runtime.ml drift`: what a model was asked lately, or a version of a dataset, against its reference.

Exit 0, or 3 when a feature has drifted by much. 78: the environment is wrong. 1: it could not be looked at.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.errors import ArtifactError
from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import drift, observed, reference, tables
from twelve_runtime.ml.reference import Counts
from twelve_runtime.ml.report import Emit, stdout

CONFIG_ERROR = 78
LEVELS = ("major", "moderate", "none", "insufficient")


class BadSetting(Exception):
    """A variable of the environment is missing; the message names it."""


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] | None = None, emit: Emit = stdout) -> int:
    words = _parser().parse_args(argv)
    given = os.environ if env is None else env
    try:
        store = Store.open(_needed(given, "MODEL_STORE_URL"))
        name, version = _needed(given, "MODEL_NAME"), words.version or _needed(given, "MODEL_VERSION")
        pin = given.get("MODEL_SHA256") if version == given.get("MODEL_VERSION") else None
        manifest = models.resolve(store, version, name, pin=pin or None).manifest
        seen = _of_data(store, manifest, words.dataset) if words.dataset else _of_lines(manifest, words.inputs)
    except BadSetting as error:
        return _fail(error, CONFIG_ERROR)
    except (ArtifactError, tables.BadTable, OSError) as error:
        return _fail(error, 1)
    return _tell(manifest, drift.compare_all(manifest.reference, seen), emit)


def _tell(manifest: Manifest, found: Sequence[drift.Drift], emit: Emit) -> int:
    for one in found:
        emit(**drift.event(one, manifest.name, manifest.version))
    counts = {level: sum(one.level == level for one in found) for level in LEVELS}
    worst = max(found, key=lambda one: one.psi, default=None)
    emit(
        "drift_summary",
        model_name=manifest.name,
        model_version=manifest.version,
        features=len(found),
        **counts,
        worst=worst and worst.feature,
        psi=worst and worst.psi,
    )
    return drift.exit_code(found)


def _of_lines(manifest: Manifest, source: str) -> Mapping[str, Counts]:
    with _opened(source) as lines:
        return observed.observe(lines, manifest.reference, manifest.name, manifest.version).seen


def _of_data(store: Store, manifest: Manifest, ref: str) -> Mapping[str, Counts]:
    name, _, tree = ref.rpartition("@")
    dataset = datasets.resolve(store, name or str(manifest.data.get("name", manifest.name)), tree)
    with tempfile.TemporaryDirectory(prefix="drift-") as scratch:
        table = tables.read(tables.below(datasets.pull(store, dataset, Path(scratch) / "data")))
    seen: dict[str, Counts] = {}
    for tensor in manifest.signature.inputs:
        columns = reference.features(tensor.name, table.input(tensor.name, tensor.datatype, tensor.shape))
        known = {feature: column for feature, column in columns.items() if feature in manifest.reference}
        seen |= {feature: reference.count(manifest.reference[feature], column) for feature, column in known.items()}
    return seen


@contextmanager
def _opened(source: str) -> Iterator[Iterable[str]]:
    if source == "-":
        yield sys.stdin
    else:
        with Path(source).open(encoding="utf-8", errors="replace") as file:
            yield file


def _needed(env: Mapping[str, str], key: str) -> str:
    if value := env.get(key, "").strip():
        return value
    raise BadSetting(f"{key} is not set.")


def _parser() -> argparse.ArgumentParser:
    about = "Compares what a model is asked with what it was trained on."
    parser = argparse.ArgumentParser(prog="python -m twelve_runtime.ml drift", description=about)
    parser.add_argument("--inputs", default="-", metavar="FILE", help="event lines; the standard input unless given")
    parser.add_argument("--dataset", metavar="NAME@VERSION", help="rows of a dataset instead of event lines")
    parser.add_argument("--version", help="of the model, instead of MODEL_VERSION")
    return parser


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"drift: {error}\n")
    return code
