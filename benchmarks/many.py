"""A platform with many apps: 500 processes in 100 apps on one machine. Prints one JSON line a figure.

`python benchmarks/many.py [APPS] [PROCESSES]`. Each app has one web process (a small one) and sleeping workers. Nobody
to compare with: what counts is the goal, and that nothing grows with the square of the apps. Idle is idle: no request,
no line, the apps' own processes not counted.
"""

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import UUID, uuid4

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.live import Live, running, wait_for  # noqa: E402 - the same platform the tests use
from twelve.core.ports import Backend  # noqa: E402
from twelve.infra import usage  # noqa: E402
from twelve.infra.settings import Settings  # noqa: E402
from twelve.stages.logs.hub import LogHub  # noqa: E402
from twelve.stages.router.haproxy import HaproxyRouter  # noqa: E402
from twelve.stages.run.local import tree  # noqa: E402

APPS = int(sys.argv[1]) if len(sys.argv) > 1 else 100
PROCESSES = int(sys.argv[2]) if len(sys.argv) > 2 else 500
WORKERS = PROCESSES // APPS - 1
NEEDED_MIB = 300 + APPS * 14 + PROCESSES  # the platform, a small web process an app, half a MiB and a bit a sandbox
IDLE_SECONDS, CALLS, SWITCHES, DEPLOYING = 30, 200, 40, 4
GOALS = {"list": 50, "change": 20, "idle": 3}
WEB = """import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = os.environ["HEROKU_RELEASE_VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
ThreadingHTTPServer(("0.0.0.0", int(os.environ["PORT"])), Answer).serve_forever()
"""


def main() -> None:
    if free_mib() < NEEDED_MIB:
        sys.exit(f"{PROCESSES} processes in {APPS} apps need about {NEEDED_MIB} MiB; {free_mib()} MiB are free.")
    with tempfile.TemporaryDirectory(prefix="twelve-bench-") as scratch, running(Path(scratch) / "home") as live:
        ordinary(Path(scratch) / "notes")
        settle(live, Path(scratch))
        idle(live)
        lists(live)
        commands(live)
        changes(live)
        memory(live)
        adoption(live)


def settle(live: Live, scratch: Path) -> None:
    """Every app from the same codebase: one slug, as many releases."""
    source = scratch / "app"
    source.mkdir()
    (source / "web.py").write_text(WEB)
    (source / "Procfile").write_text("web: python3 web.py\nworker: sleep 86400\n")
    (source / "app.json").write_text(json.dumps({"formation": {"worker": {"quantity": WORKERS}}}))
    begun = time.perf_counter()
    live.up(source, name(0))
    with ThreadPoolExecutor(DEPLOYING) as pool:
        list(pool.map(lambda number: live.up(source, name(number)), range(1, APPS)))
    report("deploys of all apps, four at a time, by the command", time.perf_counter() - begun, "s")
    wait_for(lambda: up(live) >= APPS * (WORKERS + 1), "every process up", 60)


def name(number: int) -> str:
    return f"many-{number:03}"


def up(live: Live) -> int:
    return sum(row["state"] == "up" for row in live.json("status")["processes"] if row["app"])


def idle(live: Live) -> None:
    time.sleep(5)  # what deploys leave behind has ended
    own = {kind: with_descendants(pids) for kind, pids in platform(live).items()}
    before = {kind: usage.cpu(pids, children=False) for kind, pids in own.items()}
    time.sleep(IDLE_SECONDS)
    used = {kind: (usage.cpu(own[kind], children=False) - before[kind]) / IDLE_SECONDS * 100 for kind in own}
    report(
        "idle cpu of the platform",
        sum(used.values()),
        "% of a core",
        GOALS["idle"],
        {k: round(v, 2) for k, v in used.items()},
    )


def ordinary(home: Path) -> None:
    """One app with its services, for comparison."""
    with running(home) as live:
        live.up(ROOT / "examples" / "notes", "notes")
        time.sleep(5)
        own = {kind: with_descendants(pids) for kind, pids in platform(live).items()}
        before = usage.cpu((pid for pids in own.values() for pid in pids), children=False)
        time.sleep(IDLE_SECONDS)
        used = (usage.cpu((pid for pids in own.values() for pid in pids), children=False) - before) / IDLE_SECONDS * 100
    row = {
        "bench": "many",
        "figure": "examples/notes alone: idle cpu of the platform and its services",
        "value": round(used, 3),
    }
    print(json.dumps(row | {"unit": "% of a core", "goal": None, "peer": None}), flush=True)


def lists(live: Live) -> None:
    server = [live.server_pid()]
    for path in ("/apps", f"/apps/{name(0)}/dynos", f"/apps/{name(0)}"):
        before = usage.cpu(server, children=False)
        times = [timed(lambda path=path: call(live, path)) * 1000 for _ in range(CALLS)]
        spent = (usage.cpu(server, children=False) - before) / CALLS * 1000
        goal = GOALS["list"] if path == "/apps" else None
        report(f"GET {path}, p95", percentile(times, 95), "ms", goal, spread(times) | {"server cpu": round(spent, 2)})


def commands(live: Live) -> None:
    for words in (("ps", "--app", name(0)), ("apps",), ("status",)):
        times = [timed(lambda words=words: live.cli(*words)) for _ in range(10)]
        report(f"twelve {' '.join(words)}", statistics.median(times), "s", None, {"least": round(min(times), 3)})


def changes(live: Live) -> None:
    """One that a person makes: maintenance switched by the API until the front door answers accordingly."""
    times = []
    for round_ in range(SWITCHES):
        on = round_ % 2 == 0
        begun = time.perf_counter()
        call(live, f"/apps/{name(11)}", "PATCH", {"maintenance": on})
        while answered(live, name(11))[0] != (503 if on else 200):
            time.sleep(0.0005)
        times.append((time.perf_counter() - begun) * 1000)
    report("maintenance by the API until the first new answer, p95", percentile(times, 95), "ms", None, spread(times))


def switches(live: Live) -> None:
    """The front door with all its apps, while no server runs: one app goes from one backend to the next."""
    router = HaproxyRouter(Settings(home=live.home, router_port=live.router_port), LogHub())
    router.start()
    doors = [serving(f"new-{number}".encode()) for number in range(2)]
    before, times = list(router.known()[name(11)]), []
    for round_ in range(SWITCHES):
        door = doors[round_ % 2]
        backend = Backend(uuid4(), "web.1", door.server_port)
        begun = time.perf_counter()
        router.switch(name(11), [backend], before)
        while answered(live, name(11)) != (200, f"new-{round_ % 2}".encode()):
            time.sleep(0.0005)
        times.append((time.perf_counter() - begun) * 1000)
        before = [backend.id]
    report("switch of one app's backend until the new one answers, p95", percentile(times, 95), "ms", GOALS["change"],
           spread(times))  # fmt: skip
    router.release()
    for door in doors:
        door.shutdown()
        door.server_close()


def serving(body: bytes) -> ThreadingHTTPServer:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not into the figures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def spread(times: list[float]) -> dict[str, object]:
    return {"median": round(statistics.median(times), 2), "least": round(min(times), 2)}


def memory(live: Live) -> None:
    for kind, pids in platform(live).items():
        report(f"memory of {kind}", mebibytes(with_descendants(pids)), "MiB PSS")
    own = {UUID(place.name) for place in (Settings(home=live.home).run / "processes").iterdir()}
    shims = [pid for one, pids in tree.carriers().items() if one in own for pid in pids if comm(pid) == "bwrap"]
    report("memory of the sandboxes themselves", mebibytes(shims), "MiB PSS", None, {"processes": len(shims)})


def adoption(live: Live) -> None:
    before = {row["pid"] for row in live.json("status")["processes"] if row["app"]}
    live.kill_server()
    switches(live)
    report("start of a server that adopts all of them", live.serve(), "s")
    after = {row["pid"] for row in live.json("status")["processes"] if row["app"]}
    report("processes that are the same as before", len(before & after), f"of {len(before)}")


def platform(live: Live) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in live.json("status")["processes"]:
        if not row["app"]:
            found.setdefault(row["name"], []).append(row["pid"])
    return found


def with_descendants(pids: Iterable[int]) -> list[int]:
    """Those of a server process are the sandboxes, which have a line of their own."""
    return [one for pid in pids for one in (pid, *([] if comm(pid).startswith("python") else tree.descendants(pid)))]


def call(live: Live, path: str, method: str = "GET", body: object = None) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", live.api_port, timeout=60)
    headers = {
        "Authorization": f"Bearer {(live.home / 'token').read_text().strip()}",
        "Accept": "application/vnd.heroku+json; version=3",
        "Content-Type": "application/json",
    }
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status >= 300:
        raise RuntimeError(f"{method} {path}: {answer.status} {text[:200]!r}")
    return json.loads(text)


def answered(live: Live, app: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", live.router_port, timeout=60)
    connection.request("GET", "/", headers={"Host": f"{app}.localhost"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def mebibytes(pids: Iterable[int]) -> float:
    """Of proportional share."""
    return usage.memory(pids) / (1 << 20)


def percentile(values: list[float], rank: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * rank // 100)]


def comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def free_mib() -> int:
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return int(lines["MemAvailable"].split()[0]) // 1024


def report(
    figure: str, value: float, unit: str, goal: float | None = None, more: dict[str, object] | None = None
) -> None:
    row = {"bench": "many", "figure": f"{PROCESSES} processes in {APPS} apps: {figure}", "value": round(value, 3)}
    print(json.dumps(row | {"unit": unit, "goal": goal, "peer": None, **(more or {})}), flush=True)


if __name__ == "__main__":
    main()
