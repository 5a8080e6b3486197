"""Other servers of models, installed from the package index for one run, and ours; all serve the same fitted model.

`PEERS` and `OURS` say how each is made ready and started, and how it wants to be asked.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
UV = Path(sys.prefix) / "bin" / "uv"
INSTALL_SECONDS = 900
SKLEARN = f"scikit-learn=={version('scikit-learn')}"
ONNX = f"onnxruntime=={version('onnxruntime')}"
ROWS = "instances"
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Server:
    """`engine` is what computes: only servers of one engine are alike. `command` may hold {bin} and {port}."""

    name: str
    engine: str
    command: str
    path: str = "/predict"
    form: str = ROWS
    packages: tuple[str, ...] = ()
    apps: tuple[str, ...] = ()
    files: Files = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: str = ""  # run once, before

    def body(self, row: list[float]) -> bytes:
        return json.dumps(FORMS[self.form](row)).encode()


FORMS: dict[str, Callable[[list[float]], object]] = {
    ROWS: lambda row: {"instances": [row]},
    "record": lambda row: {"X": row},
    "tensors": lambda row: {"inputs": [{"name": "X", "shape": [1, len(row)], "datatype": "FP32", "data": row}]},
}
MLSERVER = {
    "settings.json": {"parallel_workers": 0, "debug": False, "metrics_endpoint": None, "access_log": False},
    "model-settings.json": {
        "name": "digits",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "1"},
    },
}
UVICORN = "{bin}/uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level warning"
PEERS = {
    "fastapi-onnx": Server(
        "FastAPI + onnxruntime", "onnx", f"{UVICORN} fastapi_onnx:app",
        packages=("fastapi", "uvicorn[standard]", "numpy", ONNX), apps=("fastapi_onnx.py",),
    ),
    "fastapi-sklearn": Server(
        "FastAPI + scikit-learn", "sklearn", f"{UVICORN} fastapi_sklearn:app",
        packages=("fastapi", "uvicorn[standard]", SKLEARN), apps=("fastapi_sklearn.py",),
    ),
    "mlserver": Server(
        "MLServer", "sklearn", "{bin}/mlserver start .", "/v2/models/digits/infer", "tensors",
        packages=("mlserver", "mlserver-sklearn", SKLEARN),
        files={name: json.dumps(document).encode() for name, document in MLSERVER.items()},
        env={"MLSERVER_HTTP_PORT": "{port}", "MLSERVER_GRPC_PORT": "{port1}", "MLSERVER_HOST": "127.0.0.1"},
    ),
    "litserve": Server(
        "LitServe", "sklearn", "{bin}/python litserve_app.py",
        packages=("litserve", SKLEARN), apps=("litserve_app.py",),
    ),
    "mlflow": Server(
        "MLflow", "sklearn", "{bin}/mlflow models serve -m mlmodel -h 127.0.0.1 -p {port} --env-manager local",
        "/invocations", packages=("mlflow", SKLEARN), apps=("mlflow_save.py",), prepare="{bin}/python mlflow_save.py",
    ),
    "bentoml": Server(
        "BentoML", "sklearn", "{bin}/bentoml serve bentoml_app:Digits --host 127.0.0.1 --port {port}",
        packages=("bentoml", SKLEARN), apps=("bentoml_app.py",),
        env={"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": "{home}/bentoml"},
    ),
}  # fmt: skip


def ours(releases: Mapping[str, Mapping[str, str]]) -> list[Server]:
    """`releases`: framework -> what its release has in the environment."""
    serve, infer = "{bin}/python -m twelve_runtime.ml serve", "/v2/models/digits/infer"
    onnx, skops = releases["onnx"], releases["sklearn-skops"]
    return [
        Server("twelve-serve", "onnx", serve, infer, "tensors", env=onnx),
        Server("twelve-serve, no log", "onnx", serve, infer, "tensors", env={**onnx, "PREDICTION_LOG": "off"}),
        Server("twelve-serve, 2 workers", "onnx", serve, infer, "tensors", env={**onnx, "WEB_CONCURRENCY": "2"}),
        Server("twelve-serve", "sklearn", serve, infer, "tensors", env=skops),
        Server("twelve-serve, MODEL_BATCH=32", "sklearn", serve, infer, "tensors", env={**skops, "MODEL_BATCH": "32"}),
    ]


def made_ready(server: Server, environments: Path, home: Path, model: Files) -> Path:
    """Its directory of programs; raises when it cannot be installed."""
    home.mkdir(parents=True)
    for name, content in {**model, **server.files}.items():
        (home / name).write_bytes(content)
    for app in server.apps:
        shutil.copy(HERE / "ml_apps" / app, home)
    programs = _installed(server, environments) if server.packages else Path(sys.prefix) / "bin"
    if server.prepare:
        said(*server.prepare.format(bin=programs).split(), cwd=home)
    return programs


def _installed(server: Server, environments: Path) -> Path:
    directory = environments / server.name.replace(" ", "")
    python = directory / "bin" / "python"
    if not (directory / "whole").exists():
        said(UV, "venv", "-q", "--clear", "--python", sys.executable, directory)
        said(UV, "pip", "install", "-q", "--compile-bytecode", "--python", python, *server.packages)
        (directory / "whole").touch()
    return python.parent


def said(*words: str | Path, cwd: Path | None = None) -> str:
    env = {**os.environ, "VIRTUAL_ENV": ""}
    done = subprocess.run(words, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=True, cwd=cwd, env=env)
    return done.stdout.strip()
