"""ONNX through onnxruntime: no Python code of the model's runs, and a single row costs microseconds."""

from pathlib import Path

import onnxruntime

from twelve_runtime.artifacts.manifest import Manifest
from twelve_runtime.ml.errors import Rejected
from twelve_runtime.ml.frameworks import files
from twelve_runtime.ml.model import Predict
from twelve_runtime.ml.settings import Settings
from twelve_runtime.ml.tensors import Arrays


def load(manifest: Manifest, directory: Path, settings: Settings) -> Predict:
    model = files.only(manifest, ".onnx")
    alone = len(manifest.files) == 1  # external data is found beside the file
    source = files.content(directory, model) if alone else str(directory / model.path)
    session = onnxruntime.InferenceSession(source, _options(settings), providers=["CPUExecutionProvider"])
    _same_names(manifest, session)
    names = [output.name for output in manifest.signature.outputs]
    run = getattr(session, "_sess", session).run  # the outer `run` looks for devices as long as a small model runs

    def predict(inputs: Arrays) -> Arrays:
        return dict(zip(names, run(names, inputs, None), strict=True))

    return predict


def _options(settings: Settings) -> onnxruntime.SessionOptions:
    """Threads that wait in a loop would cost more processor time than small models take; a forked session has none."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 if settings.workers > 1 else settings.threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # pays for itself only where much memory is moved
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _same_names(manifest: Manifest, session: onnxruntime.InferenceSession) -> None:
    taken = {one.name for one in session.get_inputs()}
    if taken != {one.name for one in manifest.signature.inputs}:
        raise Rejected(f"{manifest.ref} takes {', '.join(sorted(taken))}, which is not what its signature says.")
    missing = {one.name for one in manifest.signature.outputs} - {one.name for one in session.get_outputs()}
    if missing:
        raise Rejected(f"{manifest.ref} does not give {', '.join(sorted(missing))}, which its signature promises.")
