"""ONNX Runtime sends nothing and keeps nothing, unless somebody wants it to."""

import os
import subprocess
import sys

import pytest

QUIET = ("CI", "GITHUB_ACTIONS")  # it is silent there by itself


def files_after(home, code):
    env = {key: value for key, value in os.environ.items() if key not in {*QUIET, "XDG_CACHE_HOME"}}
    env.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=env | {"HOME": str(home)}, check=True, timeout=60)
    return [file.name for file in home.rglob("*") if file.is_file()]


@pytest.mark.parametrize("module", ["twelve_runtime.ml.frameworks.onnx", "twelve_runtime.ml.export"])
def test_nothing_is_left_in_the_home_directory(tmp_path, module):
    assert files_after(tmp_path, f"import {module}, onnxruntime") == []


def test_who_wants_it_has_it():
    code = "import os, twelve_runtime.ml; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    env = os.environ | {"ORT_DISABLE_TELEMETRY": "0"}
    assert subprocess.check_output([sys.executable, "-c", code], env=env, text=True, timeout=60) == "0\n"
