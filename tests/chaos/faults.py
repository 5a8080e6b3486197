"""The fault matrix: each fault has a name, ends by itself, and touches nothing but this platform on loopback.

A fault breaks something and waits until it is whole again; it gives the seconds that took. `loses` says which requests
may be lost meanwhile, all of them idempotent: none, those that were in the front door when it was killed, or those that
came while there was none, too. `forgets`: what keeps the pipes dies together with who reads them, and with it what waits there.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.chaos.world import APP, World, alive, kill, kill_all, quietly, timed
from tests.support.live import wait_for

NOTHING, IN_FLIGHT, MEANWHILE = "nothing", "what is in the front door", "what comes meanwhile"


@dataclass(frozen=True)
class Fault:
    strike: Callable[[World], float]
    loses: str = NOTHING
    forgets: bool = False


def server_killed(world: World) -> float:
    before = world.processes_of_all()
    kill(world.pids()["server"])
    time.sleep(0.3)  # requests go on meanwhile, and lines wait in the kernel
    return adopted(world, before)


def server_handed_over(world: World) -> float:
    """How twelve itself is upgraded."""
    before, server = world.processes_of_all(), world.pids()["server"]
    os.kill(server, signal.SIGHUP)
    wait_for(lambda: not alive(server), "the server's end")
    return adopted(world, before)


def adopted(world: World, before: set[tuple[str, int]]) -> float:
    """Another server, and everything else as it was."""
    seconds = world.live.serve()
    changed = before ^ world.processes_of_all()
    assert [name for name, _ in changed] == ["server", "server"], changed
    return seconds


def component_killed(name: str, well: Callable[[World], object], world: World) -> float:
    """Started again by the server, which lives."""
    pid = next(pid for known, pid in world.pids().items() if known.startswith(name))
    kill(pid)
    return timed(lambda: quietly(lambda: well(world)), f"{name} again")


def keeper_killed(world: World) -> float:
    """The sleeping process that keeps what nobody has read yet."""
    before = keepers(world)
    kill(min(before))
    return timed(lambda: len(keepers(world)) == len(before) and min(before) not in keepers(world), "another keeper")


def keepers(world: World) -> set[int]:
    return {row["pid"] for row in world.live.api("/_twelve/status")["processes"] if row["name"] == "holder"}


def process_killed(name: str, which: Callable[[int], int], world: World) -> float:
    """A part of one of the app's processes: the platform ends the rest and starts it again."""
    before = row(world, name)
    os.kill(which(before["pid"]), signal.SIGKILL)
    return timed(lambda: is_new(world, before), f"another {name}")


def exit_while_nobody_looks(world: World) -> float:
    """The server is dead when a process exits: the next one finds its status, and starts it again."""
    before = row(world, "web.2")
    kill(world.pids()["server"])
    os.kill(program(before["pid"]), signal.SIGTERM)  # it ends by itself, with status 0
    wait_for(lambda: not alive(before["pid"]), "the end of web.2")
    seconds = world.live.serve()
    wait_for(lambda: is_new(world, before), "another web.2")
    said = world.live.cli("logs", "-n", "50000", "--source", "platform", "--ps", "web.2", "--app", APP).stdout
    assert "Process exited with status 0" in said
    return seconds


def platform_killed(world: World) -> float:
    """Every process of the platform at once; the app's go on."""
    kill_all(pid for name, pid in world.pids().items() if name.partition(".")[0] not in {"web", "worker"})
    return world.live.serve()


def everything_killed(world: World) -> float:
    kill_all(everything(world))
    begun = time.monotonic()
    world.live.serve()
    wait_for(world.serves, "the first answer")
    return time.monotonic() - begun


def everything(world: World) -> list[int]:
    """The processes of the platform and of the apps, with all their descendants."""
    return [pid for root in world.pids().values() for pid in [root, *descendants(root)]]


def row(world: World, name: str) -> dict:
    return next(row for row in world.processes() if row["name"] == name)


def is_new(world: World, before: dict) -> bool:
    now = [row for row in quietly(world.processes) or [] if row["name"] == before["name"]]
    return len(now) == 1 and now[0]["state"] == "up" and now[0]["pid"] != before["pid"]


def descendants(pid: int) -> list[int]:
    try:
        children = [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in words(task / "children")]
    except OSError:
        return []
    return [found for child in children for found in (child, *descendants(child))]


def words(file: Path) -> list[str]:
    return file.read_text().split()


def program(pid: int) -> int:
    """The app's own process behind a sandbox."""
    return [pid, *descendants(pid)][-1]


def sandbox(pid: int) -> int:
    """The outermost process of it, bwrap itself."""
    return pid


def init(pid: int) -> int:
    """Process 1 inside the sandbox."""
    return [pid, *descendants(pid)][1]


FAULTS: dict[str, Fault] = {
    "the server is killed": Fault(server_killed),
    "the server is handed over": Fault(server_handed_over),
    "Postgres is killed": Fault(partial(component_killed, "postgres", World.wrote)),
    "Valkey is killed": Fault(partial(component_killed, "redis", World.wrote)),
    "the front door is killed": Fault(partial(component_killed, "haproxy", World.serves), IN_FLIGHT),
    "the keeper of pipes is killed": Fault(keeper_killed),
    "a web process is killed": Fault(partial(process_killed, "web.1", program)),
    "a worker is killed": Fault(partial(process_killed, "worker.1", program)),
    "a sandbox is killed": Fault(partial(process_killed, "web.2", sandbox)),
    "process 1 of a sandbox is killed": Fault(partial(process_killed, "web.1", init)),
    "a process exits while no server runs": Fault(exit_while_nobody_looks),
    "the whole platform is killed": Fault(platform_killed, MEANWHILE),
    "everything is killed": Fault(everything_killed, MEANWHILE, forgets=True),
}
