"""What an audit costs, beside the tools people run for parts of it: CPU, wall clock and memory on one checkout.

    benchmarks/audit.py [CHECKOUT] [--without TOOL ...] [--limit SECONDS]

The peers (bandit, semgrep with local rules, detect-secrets, ruff's S rules) are installed into a throw-away environment
from the package index; one that cannot be is left out with a sentence. All run one after the other, on the same files,
without a network. One JSON line a figure. CPU is user and system time of all processes, memory the largest of them.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PINNED = {
    "bandit": "bandit==1.9.4",
    "semgrep": "semgrep==1.182.0",
    "detect-secrets": "detect-secrets==1.5.0",
    "ruff": "ruff",
}
GOALS = {"cold": {"cpu": 5.0, "rss_mb": 300}, "warm": {"wall": 0.5}}
SEMGREP = """
rules:
  - {id: debug, languages: [python], severity: ERROR, message: debug, pattern: "DEBUG = True"}
  - {id: default, languages: [python], severity: WARNING, message: default, pattern: "os.environ.get($K, $D)"}
  - {id: handler, languages: [python], severity: ERROR, message: handler, pattern: "logging.FileHandler(...)"}
  - {id: shell, languages: [python], severity: WARNING, message: shell, pattern: "subprocess.run(...)"}
  - {id: run, languages: [python], severity: ERROR, message: run, pattern: "$APP.run(..., debug=True, ...)"}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    cpu: float
    wall: float
    rss_mb: int
    code: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path, nargs="?", default=ROOT, help="this one without it")
    parser.add_argument("--without", action="append", default=[], choices=sorted(PINNED))
    parser.add_argument("--limit", type=float, default=900.0, help="seconds for each peer")
    options = parser.parse_args()
    checkout = options.checkout.resolve()
    with tempfile.TemporaryDirectory() as directory:
        say("checkout", files=sum(1 for _ in files_of(checkout)), name=checkout.name)
        ours(checkout, Path(directory))
        for name, command in peers(Path(directory), options.without):
            found = cost(command, checkout, Path(directory), options.limit)
            say(name, **measured(found)) if found else say(name, left_out=f"took longer than {options.limit:.0f} s")


def ours(checkout: Path, scratch: Path) -> None:
    """Cold: nothing remembered. Warm: again, nothing changed; the median of five."""
    command = [sys.executable, "-m", "twelve", "audit", str(checkout), "--format", "json", "--fail-on", "never"]
    command += ["--output", str(scratch / "audit.json")]
    environment = {"TWELVE_CACHE": str(scratch / "cache")}
    cost([*command, "--no-cache"], checkout, scratch, 600, environment)  # the parser, and the disk's own cache
    found = cost(command, checkout, scratch, 600, environment)
    assert found
    findings = len(json.loads((scratch / "audit.json").read_text())["findings"])
    say("twelve", state="cold", findings=findings, goals=GOALS["cold"], **measured(found))
    again = [cost(command, checkout, scratch, 600, environment) for _ in range(5)]
    middle = sorted((one for one in again if one), key=lambda one: one.wall)[len(again) // 2]
    say("twelve", state="warm", findings=findings, goals=GOALS["warm"], **measured(middle))


def peers(scratch: Path, without: list[str]) -> Iterator[tuple[str, list[str]]]:
    rules = scratch / "rules.yml"
    rules.write_text(SEMGREP)
    arguments = {
        "ruff": ["check", "--select", "S", "--no-cache", "--isolated", "--quiet", "--output-format", "json", "."],
        "semgrep": [
            "scan",
            "--config",
            str(rules),
            "--metrics",
            "off",
            "--disable-version-check",
            "--json",
            "--quiet",
            ".",
        ],
        "bandit": ["-r", ".", "-f", "json", "-q"],
        "detect-secrets": ["scan", "--all-files", "."],
    }
    for name, words in arguments.items():
        if name in without:
            continue
        program = installed(name, scratch / name)
        if program is None:
            say(name, left_out="it could not be installed from the package index")
        else:
            yield name, [str(program), *words]


def installed(name: str, place: Path) -> Path | None:
    """In an environment of its own: the peers want different versions of the same things."""
    uv = ROOT / ".venv" / "bin" / "uv"
    try:
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, place], check=True, capture_output=True)
        subprocess.run([uv, "pip", "install", "-q", "--python", place / "bin" / "python", PINNED[name]], check=True,
                       capture_output=True, timeout=600)  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    program = place / "bin" / name
    return program if program.exists() else None


def cost(
    command: list[str], where: Path, scratch: Path, limit: float, environment: dict[str, str] | None = None
) -> Cost | None:
    """None when it took too long. What it prints goes to a file."""
    began = time.monotonic()
    with (scratch / "output").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=where, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(environment or {})},
        )  # fmt: skip
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - began
            return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss >> 10, process.returncode)
        if time.monotonic() - began > limit:
            os.killpg(process.pid, 9)
            process.wait()
            return None
        time.sleep(0.005)


def files_of(checkout: Path) -> Iterator[str]:
    yield from subprocess.run(
        ["git", "-C", checkout, "ls-files"], capture_output=True, text=True, check=False
    ).stdout.split("\n")[:-1]


def measured(found: Cost) -> dict[str, float]:
    return {"cpu": round(found.cpu, 2), "wall": round(found.wall, 2), "rss_mb": found.rss_mb, "exit": found.code}


def say(tool: str, **figures: object) -> None:
    print(json.dumps({"bench": "audit", "tool": tool, **figures}), flush=True)


if __name__ == "__main__":
    assert shutil.which("git"), "git is needed"
    main()
