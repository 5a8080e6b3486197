"""A fitted scikit-learn model as ONNX, only when both say the same: no code runs on load, and a row costs microseconds.

On the holdout every label must be equal and no probability further off than 1e-5.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INPUT = "X"
FARTHEST = 1e-5
ORT_DATATYPES = {
    "tensor(float)": "FP32", "tensor(double)": "FP64", "tensor(float16)": "FP16", "tensor(bool)": "BOOL",
    "tensor(int8)": "INT8", "tensor(int16)": "INT16", "tensor(int32)": "INT32", "tensor(int64)": "INT64",
    "tensor(uint8)": "UINT8", "tensor(uint16)": "UINT16", "tensor(uint32)": "UINT32", "tensor(uint64)": "UINT64",
    "tensor(string)": "BYTES",
}  # fmt: skip


class NotTheSame(Exception):
    """The exported model does not say what the fitted one says; the message has the figures."""


@dataclass(frozen=True, slots=True)
class Exported:
    """`apart` is the largest difference of a probability (or of a number, for a regressor) on the holdout."""

    onnx: bytes
    opset: int
    disagreements: int
    apart: float


def to_onnx(estimator: Any, holdout: NDArray[Any]) -> Exported:
    """`holdout` are rows that were not trained on; the model takes their dtype, as its input X."""
    document = _converted(estimator, holdout[:1])
    raw = document.SerializeToString(deterministic=True)
    opset = max(entry.version for entry in document.opset_import if entry.domain in {"", "ai.onnx"})
    disagreements, apart = _compared(estimator, raw, holdout)
    if disagreements or apart > FARTHEST:
        raise NotTheSame(
            f"The ONNX model disagrees with the fitted one on {disagreements} of {len(holdout)} labels, and by up to "
            f"{apart:.2g} in what it computes; allowed are 0 and {FARTHEST:g}. Train on the dtype that is served."
        )
    return Exported(raw, opset, disagreements, apart)


def run(onnx: bytes, inputs: "Mapping[str, NDArray[Any]]") -> dict[str, NDArray[Any]]:
    """What a model says, by the name of its output."""
    session = _session(onnx)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, (np.asarray(value) for value in session.run(names, dict(inputs))), strict=True))


def signature(onnx: bytes) -> dict[str, list[dict[str, Any]]]:
    """Its inputs and outputs as a manifest names them; the first dimension is any number of rows."""
    session = _session(onnx)
    return {
        "inputs": [_tensor(tensor) for tensor in session.get_inputs()],
        "outputs": [_tensor(tensor) for tensor in session.get_outputs()],
    }


def _converted(estimator: Any, row: NDArray[Any]) -> Any:
    try:
        import skl2onnx  # noqa: PLC0415 - heavy, and only trainings need it
    except ImportError as absent:
        raise ImportError("twelve_runtime.ml.export needs skl2onnx: install twelve-runtime[training]") from absent
    final = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    options = {id(final): {"zipmap": False}} if _has_probabilities(estimator) else None
    document = skl2onnx.to_onnx(estimator, row, name="model", options=options)  # a name, else it makes a random one
    for output, wanted in zip(document.graph.output, _output_names(estimator, document), strict=True):
        _rename(document, output, wanted)
    return document


def _output_names(estimator: Any, document: Any) -> "Sequence[str]":
    if _has_probabilities(estimator):
        return ("label", "probabilities")
    return ("label",) if hasattr(estimator, "classes_") else tuple(output.name for output in document.graph.output)


def _rename(document: Any, output: Any, wanted: str) -> None:
    """Whichever node makes it, and the graph's own mention."""
    was, output.name = output.name, wanted
    for node in document.graph.node:
        node.output[:] = [wanted if made == was else made for made in node.output]
        node.input[:] = [wanted if taken == was else taken for taken in node.input]


def _has_probabilities(estimator: Any) -> bool:
    return hasattr(estimator, "classes_") and hasattr(estimator, "predict_proba")


def _compared(estimator: Any, raw: bytes, holdout: NDArray[Any]) -> tuple[int, float]:
    said = run(raw, {INPUT: holdout})
    expected = np.asarray(estimator.predict(holdout))
    if not hasattr(estimator, "classes_"):
        return 0, _apart(next(iter(said.values())).reshape(expected.shape), expected)
    disagreements = sum(str(a) != str(b) for a, b in zip(said["label"].tolist(), expected.tolist(), strict=True))
    if not _has_probabilities(estimator):
        return disagreements, 0.0
    return disagreements, _apart(said["probabilities"], np.asarray(estimator.predict_proba(holdout)))


def _apart(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Of numbers above 1 relative to their size."""
    wanted = b.astype(np.float64)
    return float(np.max(np.abs(a.astype(np.float64) - wanted) / np.maximum(1.0, np.abs(wanted)), initial=0.0))


def _session(onnx: bytes) -> Any:
    import onnxruntime  # noqa: PLC0415 - a quarter of a second

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _tensor(tensor: Any) -> dict[str, Any]:
    shape = [-1 if place == 0 or not isinstance(size, int) else size for place, size in enumerate(tensor.shape)]
    return {"name": tensor.name, "datatype": ORT_DATATYPES[tensor.type], "shape": shape}
