"""How fast processes start and stop, and what supervising them costs: one JSON line a figure.

`python benchmarks/processes.py [COUNT]`. The peers' figures are those they reach with the same 50 `sleep` processes.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.model import HealthCheck
from twelve.stages.run.local import tree

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 50
PEERS = {  # honcho 2.0, supervisord 4.3: seconds for 50 processes, unsandboxed
    "start": ("honcho", 0.25),
    "stop": ("honcho", 0.18),
    "pss": ("honcho", 146.0),
}


def main():
    for sandbox in ("bwrap", "none"):
        with tempfile.TemporaryDirectory(prefix="twelve-bench-") as home:
            measure(Path(home), sandbox)


def measure(home, sandbox):
    world = World(home, sandbox)
    slug = make_slug(home / "slug", {"a": "b"})
    world.run(make_spec(slug, "true"))  # the first start fills caches
    specs = [
        make_spec(slug, "sleep 1000", kept=True, number=number, checks=(HealthCheck(uptime=0.0),))
        for number in range(1, COUNT + 1)
    ]
    own = {spec.id for spec in specs}
    cpu = time.process_time()
    began = time.perf_counter()
    world.engine.start(specs)
    report(sandbox, "spawned", time.perf_counter() - began, "s", "start")
    report(sandbox, "supervisor cpu to start", time.process_time() - cpu, "s")
    until(lambda: sleeping(own) == COUNT)
    report(sandbox, "all running", time.perf_counter() - began, "s", "start")
    report(sandbox, "supervisor pss", pss([os.getpid()]), "MiB")
    report(sandbox, "all pss", pss([os.getpid(), *everything(own)]), "MiB", "pss")
    began = time.perf_counter()
    world.engine.stop(own)
    report(sandbox, "stopped", time.perf_counter() - began, "s", "stop")
    world.close()


def sleeping(own):
    return [name(pid) for pid in everything(own)].count("sleep")


def everything(own):
    carriers = tree.carriers()
    return [pid for one in own for pid in carriers.get(one, [])]


def name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def pss(pids):
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def report(sandbox, figure, value, unit, peer=None):
    line = {"bench": "processes", "figure": f"{COUNT} {sandbox}: {figure}", "value": round(value, 4), "unit": unit}
    peer_name, peer_value = PEERS.get(peer, (None, None)) if COUNT == 50 else (None, None)
    ratio = round(value / peer_value, 3) if peer_value else None
    print(json.dumps(line | {"peer": peer_name, "peer_value": peer_value, "ratio": ratio}))


if __name__ == "__main__":
    main()
