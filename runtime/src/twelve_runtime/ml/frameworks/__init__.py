"""From verified files to a function of arrays: one module a framework, imported when a model needs it."""

import importlib
from pathlib import Path

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings

MODULES = {
    "onnx": ("onnx", "ml"),
    "sklearn-skops": ("sklearn", "sklearn"),
    "pickle": ("pickles", "sklearn"),
    "safetensors": ("safetensors", "safetensors"),
    "python": ("python", "ml"),
}


def load(manifest: Manifest, directory: Path, settings: Settings) -> Predict:
    """Rejected, with a sentence, for whatever goes wrong in a library that reads a model."""
    module, extra = MODULES[manifest.framework]
    try:
        framework = importlib.import_module(f"twelve_runtime.ml.frameworks.{module}")
    except ImportError as absent:
        needs = f"{manifest.ref} needs {absent.name}: install twelve-runtime[{extra}]."
        raise Rejected(needs) from absent
    try:
        predict: Predict = framework.load(manifest, directory, settings)
    except Rejected:
        raise
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise Rejected(f"{manifest.ref} cannot be loaded: {type(error).__name__}: {said}") from error
    return predict
