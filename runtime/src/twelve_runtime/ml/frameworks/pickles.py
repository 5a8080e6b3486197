"""Pickles run code when they are loaded. They come here only allowed, pinned and signed (`artifacts.cache.guard`)."""

import io
from pathlib import Path

import joblib

from twelve_runtime.artifacts.cache import read
from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml.frameworks import files
from twelve_runtime.ml.frameworks.sklearn import by_estimator
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings

SUFFIXES = (".pkl", ".pickle", ".joblib")


def load(manifest: Manifest, directory: Path, _: Settings) -> Predict:
    return by_estimator(joblib.load(io.BytesIO(read(directory, files.only(manifest, *SUFFIXES)))), manifest)
