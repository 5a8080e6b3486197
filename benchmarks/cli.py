"""How long the command takes to start, from a bare checkout. Prints one JSON line a figure.

The peer is the same interpreter doing nothing: what is above it is ours.
"""

import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = ROOT / ".venv" / "bin" / "python"
ROUNDS = 21


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as home:
        env = {**os.environ, "TWELVE_HOME": home}
        bare = seconds([PYTHON, "-I", "-c", "pass"], env)
        for words in (["--help"], ["help", "up"], ["ps", "--app", "nobody"]):
            figure = f"twelve {' '.join(words)}" + (", no server" if words[0] == "ps" else "")
            report(figure, seconds([ROOT / "twelve", *words], env), bare)
        report(
            "twelve in sh, before python", seconds([ROOT / "twelve", "--version"], env) - seconds(started(), env), bare
        )


def started() -> list[str | Path]:
    """What ./twelve becomes once it knows its environment is fresh."""
    return [PYTHON, "-I", "-m", "twelve", "--version"]


def seconds(argv: list[str | Path], env: dict[str, str]) -> float:
    subprocess.run(argv, env=env, capture_output=True, check=False)
    times = []
    for _ in range(ROUNDS):
        begun = time.monotonic()
        subprocess.run(argv, env=env, capture_output=True, check=False)
        times.append(time.monotonic() - begun)
    return statistics.median(times)


def report(figure: str, value: float, bare: float) -> None:
    row = {"bench": "cli", "figure": figure, "value": round(value, 4), "unit": "s", "peer": "python -I -c pass"}
    print(json.dumps({**row, "peer_value": round(bare, 4), "ratio": round(value / bare, 2)}), flush=True)


if __name__ == "__main__":
    main()
