"""Tensors from a safetensors file; MODEL_BUILDER names the app's function from them, by name, to a predictor."""

from pathlib import Path

import safetensors.numpy

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml.frameworks import files
from twelve_runtime.ml.frameworks.python import built
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings


def load(manifest: Manifest, directory: Path, settings: Settings) -> Predict:
    found = files.content(directory, files.only(manifest, ".safetensors"))
    named = safetensors.numpy.load(found) if isinstance(found, bytes) else safetensors.numpy.load_file(found)
    return built(manifest, settings, named)
