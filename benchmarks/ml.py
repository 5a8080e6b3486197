"""What a prediction costs: our server beside FastAPI, MLServer, LitServe, MLflow and BentoML, in one run.

All serve the digits of scikit-learn by the same fitted pipeline (StandardScaler, LogisticRegression), or by its ONNX
export: one row of 64 numbers a request, keep-alive, 1 and 32 connections. Ours checks signatures, digests and golden
examples, and logs every prediction to a pipe; the others do neither. CPU is that of the whole tree of processes.

Needs `wrk` (Debian: apt-get install wrk). The others are installed for the run: `--peers fastapi-onnx,mlserver` takes
some of them, `--environments DIR` keeps them for the next one. Prints one JSON line a figure.
"""

import argparse
import contextlib
import http.client
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import skops.io
from ml_servers import PEERS, Server, made_ready, ours
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from twelve_runtime.artifacts import models, signing
from twelve_runtime.artifacts.store import Store
from twelve_runtime.ml import export

from twelve.infra import procfs, usage

BOOT_SECONDS = 120
CONNECTIONS = (1, 32)
LUA = "wrk.method='POST'\nwrk.headers['content-type']='application/json'\nwrk.body=[==[{body}]==]\n"


@dataclass
class Figures:
    """Medians over the rounds; `cpu` in microseconds a request, latencies in milliseconds, by connections."""

    start: float
    memory: float
    processes: int
    cpu: dict[int, float]
    rate: dict[int, float]
    p50: dict[int, float]
    p99: dict[int, float]


def main() -> None:
    wanted = arguments()
    if not shutil.which("wrk"):
        sys.exit("This benchmark needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="twelve-bench-ml-") as directory:
        scratch = Path(directory)
        environments = wanted.environments or scratch / "environments"
        files, row, label, releases = trained(scratch)
        servers = [*ours(releases), *(PEERS[name] for name in wanted.peers)]
        found: list[tuple[Server, Figures]] = []
        for number, server in enumerate(servers):
            try:
                home = scratch / str(number)
                programs = made_ready(server, environments, home, files)
                found.append((server, measured(server, programs, home, row, label, wanted)))
            except (OSError, subprocess.SubprocessError, RuntimeError) as error:
                reason = getattr(error, "stderr", "") or str(error)
                print(f"{server.name} is left out: {reason.strip()[-500:]}", file=sys.stderr)
        report(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; an empty text: only ours")
    parser.add_argument("--environments", type=Path, help="where they are installed, and found the next time")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    found = parser.parse_args()
    found.peers = [name for name in found.peers.split(",") if name]
    if unknown := set(found.peers) - set(PEERS):
        parser.error(f"{', '.join(sorted(unknown))}: there are only {', '.join(PEERS)}")
    return found


def trained(scratch: Path) -> tuple[Mapping[str, bytes], list[float], int, dict[str, dict[str, str]]]:
    """The model as files, a row with the label it has to get, and the environments of two releases."""
    digits = load_digits()
    rows = digits.data.astype(np.float32)
    fitted = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(rows[:1300], digits.target[:1300])
    exported, pickled = export.to_onnx(fitted, rows[1300:]).onnx, io.BytesIO()
    joblib.dump(fitted, pickled)
    one = rows[1300:1301]
    example = golden(one, fitted.predict(one), fitted.predict_proba(one).astype(np.float32))
    private, public = signing.keypair()
    files = {"onnx": {"model.onnx": exported}, "sklearn-skops": {"model.skops": skops.io.dumps(fitted)}}
    store = Store.open(f"file://{scratch}/store", make=True)
    releases = {}
    for framework, content in files.items():
        draft = models.Draft("digits", framework, SIGNATURE, [example])
        made = models.publish(store, draft, content, signing_key=private)
        releases[framework] = release(scratch, made, public)
    return (
        {"model.onnx": exported, "model.joblib": pickled.getvalue()},
        [float(value) for value in one[0]],
        int(fitted.predict(one)[0]),
        releases,
    )


SIGNATURE = {
    "inputs": [{"name": "X", "datatype": "FP32", "shape": [-1, 64]}],
    "outputs": [
        {"name": "label", "datatype": "INT64", "shape": [-1]},
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
    ],
}


def golden(rows: np.ndarray, label: np.ndarray, shares: np.ndarray) -> dict[str, object]:
    values = {"X": rows, "label": label, "probabilities": shares}
    tensors = {
        one["name"]: {**one, "shape": list(values[one["name"]].shape), "data": values[one["name"]].ravel().tolist()}
        for side in SIGNATURE.values()
        for one in side
    }
    return {"inputs": [tensors["X"]], "outputs": [tensors["label"], tensors["probabilities"]]}


def release(scratch: Path, made: models.Published, public: str) -> dict[str, str]:
    return {
        "MODEL_NAME": "digits", "MODEL_VERSION": made.version, "MODEL_SHA256": made.digest, "MODEL_PUBLIC_KEY": public,
        "MODEL_STORE_URL": f"file://{scratch}/store", "MODEL_CACHE": str(scratch / "cache"),
        "HEROKU_APP_NAME": "bench", "HEROKU_RELEASE_VERSION": "v1", "DYNO": "web.1",
    }  # fmt: skip


def measured(
    server: Server, programs: Path, home: Path, row: list[float], label: int, wanted: argparse.Namespace
) -> Figures:
    starts = []
    for _ in range(wanted.rounds):
        with started(server, programs, home) as (process, port, begun):
            starts.append(first_answer(server, process, port, row, label) - begun)
    with started(server, programs, home) as (process, port, _):
        first_answer(server, process, port, row, label)
        found = {c: [load(server, process.pid, port, c, row, wanted.seconds) for _ in range(wanted.rounds)]
                 for c in CONNECTIONS}  # fmt: skip
        tree = [process.pid, *procfs.descendants(process.pid)]
        memory = usage.memory(tree) / 1e6
    medians = [{c: statistics.median(one[i] for one in found[c]) for c in CONNECTIONS} for i in range(4)]
    return Figures(statistics.median(starts), memory, len(tree), *medians)


@contextlib.contextmanager
def started(server: Server, programs: Path, home: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, float]]:
    """Its lines go through a pipe to a reader of its own, as on any platform."""
    port, values = free_port(), {"bin": programs, "home": home}
    values |= {"port": port, "port1": free_port()}
    env = {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "PORT": str(port)}
    env |= {name: value.format(**values) for name, value in server.env.items()}
    reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    with (home / "stderr").open("wb") as stderr:
        begun = time.monotonic()
        process = subprocess.Popen(
            shlex.split(server.command.format(**values)), stdin=subprocess.DEVNULL, stdout=reader.stdin, stderr=stderr,
            cwd=home, env=env, start_new_session=True,
        )  # fmt: skip
    try:
        yield process, port, begun
    finally:
        end(process)
        reader.stdin.close()
        reader.wait()


def end(process: subprocess.Popen[bytes]) -> None:
    tree = [process.pid, *procfs.descendants(process.pid)]
    process.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(15)
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def first_answer(server: Server, process: subprocess.Popen[bytes], port: int, row: list[float], label: int) -> float:
    """When the first right prediction came."""
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", server.path, server.body(row), {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            if answer.status == 200:
                if str(label) not in re.findall(r"\b\d+\b", text):
                    raise RuntimeError(f"{server.name} answers {text[:200]}, not {label}.")
                return time.monotonic()
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise RuntimeError(f"{server.name} does not answer.")


def load(server: Server, pid: int, port: int, connections: int, row: list[float], seconds: int) -> tuple[float, ...]:
    """CPU a request in microseconds, requests a second, latency in milliseconds: median and 99th percentile."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(body=server.body(row).decode()))
        script.flush()
        url = f"http://127.0.0.1:{port}{server.path}"
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, url]
        before = usage.of_tree(pid).cpu
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = usage.of_tree(pid).cpu - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{server.name} fails under load: {text[-300:]}")
    count = int(re.search(r"(\d+) requests in", text)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    return spent / count * 1e6, rate, milliseconds(text, "50%"), milliseconds(text, "99%")


def milliseconds(text: str, share: str) -> float:
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def report(found: list[tuple[Server, Figures]]) -> None:
    """Ours beside each peer of the same engine; then what the engine alone brings."""
    for server, figures in found:
        name = f"{server.name} ({server.engine})"
        say(name, "cold start to the first right prediction", figures.start, "s")
        say(name, "memory, proportional share of all processes", figures.memory, "MB")
        say(name, "processes", figures.processes, "")
        for c in CONNECTIONS:
            say(name, f"cpu a request, {c} connections", figures.cpu[c], "us")
            say(name, f"requests, {c} connections", figures.rate[c], "1/s")
            say(name, f"latency p50, {c} connections", figures.p50[c], "ms")
            say(name, f"latency p99, {c} connections", figures.p99[c], "ms")
    mine = {server.engine: figures for server, figures in found if server.name == "twelve-serve"}
    rivals = [(server.engine, server.name, figures) for server, figures in found if server.packages]
    if "sklearn" in mine:
        rivals.append(("onnx", "our own with scikit-learn: the engine's part", mine["sklearn"]))
    for engine, name, figures in rivals:
        if engine in mine:
            for c in CONNECTIONS:
                say("twelve-serve", f"cpu a request, {engine}, {c} connections", mine[engine].cpu[c], "us", name,
                    figures.cpu[c])  # fmt: skip
            say("twelve-serve", f"cold start, {engine}", mine[engine].start, "s", name, figures.start)
            say("twelve-serve", f"memory, {engine}", mine[engine].memory, "MB", name, figures.memory)


def say(server: str, figure: str, value: float, unit: str, peer: str | None = None, other: float | None = None) -> None:
    line = {"bench": "ml", "server": server, "figure": figure, "value": round(value, 3), "unit": unit}
    if peer is not None and other:
        line |= {"peer": peer, "peer_value": round(other, 3), "ratio": round(value / other, 3)}
    print(json.dumps(line), flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
