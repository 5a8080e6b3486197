"""Code of the app makes the model of its files: MODEL_BUILDER names a function from their directory to a predictor."""

from pathlib import Path
from typing import Any

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml import tensors
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.records import function
from twelve_runtime.ml.settings import Settings
from twelve_runtime.ml.tensors import Arrays


def load(manifest: Manifest, directory: Path, settings: Settings) -> Predict:
    return built(manifest, settings, directory)


def built(manifest: Manifest, settings: Settings, material: Any) -> Predict:
    """The builder gives a function from arrays by name to arrays by name."""
    if settings.builder is None:
        raise Rejected(f"{manifest.ref} is made by code of the app; MODEL_BUILDER=module:callable names it.")
    predictor = function(settings.builder, "MODEL_BUILDER")(material)
    if not callable(predictor):
        raise Rejected(f"MODEL_BUILDER: {settings.builder} gave no function.")
    outputs = manifest.signature.outputs

    def predict(inputs: Arrays) -> Arrays:
        return tensors.cast(outputs, predictor(inputs))

    return predict
