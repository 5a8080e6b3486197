"""Requests a second through the front door, router lines on, beside a bare HAProxy before the same backend, in one run.

Needs `wrk` (Debian: apt-get install wrk). Client, both proxies and the backend share the machine, so the ratio is what
counts. The rounds alternate, and each has proxies of its own: two processes of the very same HAProxy differ by a tenth,
by where their memory happens to lie. Prints one JSON line a figure.
"""

import contextlib
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from twelve.core.model import LogFilter
from twelve.core.ports import Backend
from twelve.infra import components, usage
from twelve.infra.settings import Settings
from twelve.stages.logs.hub import LogHub
from twelve.stages.metrics.traffic import Traffic
from twelve.stages.router.haproxy import HaproxyRouter, threads_for

CONNECTIONS, SECONDS, ROUNDS = 64, 2, 11
HOST = "bench.localhost"
CORES = len(os.sched_getaffinity(0))
OURS = "the front door"
PEERS = {"bare HAProxy, a thread a core": CORES, "bare HAProxy, as many threads": threads_for(CORES)}
COMMON = """global
  nbthread {threads}
defaults
  mode http
  timeout client 55s
  timeout connect 5s
  timeout server 30s
"""
BACKEND = """frontend fast
  bind 127.0.0.1:{port}
  http-request return status 200 content-type text/plain string "hello"
"""
BARE = """frontend bare
  bind 127.0.0.1:{port}
  default_backend fast
backend fast
  server fast 127.0.0.1:{backend}
"""


def main() -> None:
    if not shutil.which("wrk"):
        sys.exit("This benchmark needs wrk: apt-get install wrk")
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        backend = stack.enter_context(plain_haproxy(home, "backend", BACKEND, CORES))
        hub = LogHub(history=1_000_000)
        rounds = [one_round(home, hub, backend) for _ in range(ROUNDS)]
        lines, lost = settled(hub), told_lost(hub)
    for figure, unit in (("rate", "1/s"), ("proxy_cpu", "us"), ("all_cpu", "us")):
        medians = {name: statistics.median(getattr(one[name], figure) for one in rounds) for name in (*PEERS, OURS)}
        for peer in PEERS:
            say(WORDS[figure], round(medians[OURS], 2), unit, peer, round(medians[peer], 2))
    sent = sum(one[OURS].count for one in rounds)
    assert lines + lost >= sent, f"{sent} requests, but {lines} lines and {lost} told as lost"
    say("router lines lost, and told", lost, f"of {sent}", "", 0)


@dataclass(frozen=True)
class Round:
    """`proxy_cpu` and `all_cpu` are microseconds a request; the latter says more than the rate on a busy machine."""

    rate: float
    count: int
    proxy_cpu: float
    all_cpu: float


def one_round(home: Path, hub: LogHub, backend: int) -> dict[str, Round]:
    """A HAProxy as it comes, with a thread a core, and one with as many as the front door has."""
    found = {}
    for peer, threads in PEERS.items():
        with plain_haproxy(home, "bare", BARE, threads, backend=backend) as bare:
            found[peer] = wrk(bare, backend)
    with front_door(home, hub, backend) as ours:
        found[OURS] = wrk(ours, backend)
    return found


WORDS = {
    "rate": "requests",
    "proxy_cpu": "cpu a request, proxy",
    "all_cpu": "cpu a request, client, proxy, backend and log reader",
}
PIDS: dict[int, int] = {}  # port -> process


@contextlib.contextmanager
def plain_haproxy(home: Path, name: str, text: str, threads: int, **values: int) -> Iterator[int]:
    port = free_port()
    config = home / f"{name}.cfg"
    config.write_text((COMMON + text).format(port=port, threads=threads, **values))
    process = subprocess.Popen([components.haproxy(), "-db", "-f", config], stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        PIDS[port] = process.pid
        yield port
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def front_door(home: Path, hub: LogHub, backend: int) -> Iterator[int]:
    settings = Settings(home=home, router_port=free_port())
    settings.make_directories()
    router = HaproxyRouter(settings, hub, Traffic())
    router.start()
    try:
        router.set_hosts("bench", [HOST])
        router.switch("bench", [Backend(uuid4(), "web.1", backend)])
        PIDS[settings.router_port] = router.processes()[0].pid
        yield settings.router_port
    finally:
        router.stop()


def wrk(port: int, backend: int) -> Round:
    url = f"http://127.0.0.1:{port}/notes?q=1"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-H", f"Host: {HOST}", url]
    proxy, others = cpu(port), cpu(backend) + own_cpu()
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in said, said
    assert "Socket errors" not in said, said
    proxy, others = (
        cpu(port) - proxy,
        cpu(backend) + own_cpu() - others,
    )
    count = int(re.search(r"(\d+) requests in", said)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])
    return Round(rate, count, proxy / count * 1e6, (proxy + others) / count * 1e6)


def cpu(port: int) -> float:
    return usage.cpu([PIDS[port]], children=False)


def own_cpu() -> float:
    """Ours, which reads the lines, and that of the client, which has ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def settled(hub: LogHub) -> int:
    """How many router lines have arrived, once no more do."""
    seen = -1
    while (now := count_lines(hub)) != seen:
        seen = now
        time.sleep(0.5)
    return seen


def count_lines(hub: LogHub) -> int:
    last = hub.tail("bench", LogFilter(source="router"), lines=1).batch(0)
    return int(last[-1].cursor.rpartition("-")[2]) if last else 0


def told_lost(hub: LogHub) -> int:
    """HAProxy's own count: the lines of requests that the end of a round cut off would hide some."""
    told = hub.history("bench", 1_000_000, LogFilter(process="logplex"))
    return sum(int(line.text.split()[2]) for line in told if "L13" in line.text)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    deadline = time.monotonic() + 5
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def say(figure: str, value: float, unit: str, peer: str, peer_value: float) -> None:
    ratio = round(value / peer_value, 3) if peer_value else None
    line = {"bench": "front_door", "figure": figure, "value": value, "unit": unit}
    print(json.dumps(line | {"peer": peer, "peer_value": peer_value, "ratio": ratio}))


if __name__ == "__main__":
    main()
