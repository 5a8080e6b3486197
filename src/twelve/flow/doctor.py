"""What is missing on this machine, and what that means for the apps: one finding a question, each one sentence."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twelve.core.errors import PlatformError
from twelve.infra import components, machine
from twelve.infra.ports import is_free
from twelve.infra.settings import Settings
from twelve.stages.build import interpreters
from twelve.stages.run.local.limits import Limiter

OK, WARN, FAIL = "ok", "warn", "fail"
NEEDED_MEMORY, COMFORTABLE_MEMORY = 256, 1024  # MiB: the idle platform, and room for a few apps
NEEDED_DISK, COMFORTABLE_DISK = 512, 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: "ok", "warn" (it works, with less) or "fail" (it does not work here)."""

    level: str
    name: str
    sentence: str


def examine(settings: Settings, *, server_runs: bool) -> list[Finding]:
    """`server_runs`: the ports are busy because a twelve of this TWELVE_HOME holds them."""
    questions: tuple[Callable[[Settings], Finding], ...] = (
        _system, _components, _home, _memory, _disk, _isolation, _overlay, _landlock, _limits, _pythons, _node, _git,
    )  # fmt: skip
    return [*(question(settings) for question in questions), *_ports(settings, server_runs=server_runs)]


def _system(_settings: Settings) -> Finding:
    described = f"{platform.system()} {platform.release()} on {platform.machine()}, Python {platform.python_version()}"
    if platform.system() != "Linux":
        return Finding(FAIL, "system", f"{described}: twelve runs apps on Linux only.")
    return Finding(OK, "system", f"{described}.")


def _components(_settings: Settings) -> Finding:
    try:
        binaries = [components.postgres_bin() / "postgres", components.valkey_server(), components.haproxy()]
    except PlatformError as error:
        return Finding(FAIL, "components", str(error))
    absent = [path.name for path in binaries if not os.access(path, os.X_OK)]
    if absent:
        return Finding(FAIL, "components", f"No {', '.join(absent)} in twelve's environment: run script/setup.")
    return Finding(OK, "components", "PostgreSQL, Valkey and HAProxy are in twelve's own environment.")


def _home(settings: Settings) -> Finding:
    place = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    if place.stat().st_uid != os.getuid() and place == settings.home:
        return Finding(
            FAIL, "home", f"{settings.home} belongs to another user: set TWELVE_HOME to a directory of yours."
        )
    if not os.access(place, os.W_OK):
        return Finding(FAIL, "home", f"{place} cannot be written to: set TWELVE_HOME to a directory of yours.")
    return Finding(OK, "home", f"{settings.home} can hold slugs and data.")


def _memory(_settings: Settings) -> Finding:
    free = machine.available_memory()
    if free < NEEDED_MEMORY:
        return Finding(FAIL, "memory", f"{free} MiB are free, and the platform alone wants {NEEDED_MEMORY}.")
    if free < COMFORTABLE_MEMORY:
        return Finding(WARN, "memory", f"{free} MiB are free: enough for the platform and a small app or two.")
    return Finding(OK, "memory", f"{free} MiB are free.")


def _disk(settings: Settings) -> Finding:
    free = machine.free_disk(settings.home)
    if free < NEEDED_DISK:
        return Finding(FAIL, "disk", f"{free} MiB are free for {settings.home}: builds and databases will not fit.")
    if free < COMFORTABLE_DISK:
        return Finding(WARN, "disk", f"{free} MiB are free for {settings.home}: a few builds will fill it.")
    return Finding(OK, "disk", f"{free} MiB are free for {settings.home}.")


def _isolation(_settings: Settings) -> Finding:
    if machine.namespaces_work():
        return Finding(OK, "sandbox", "User namespaces work: each process gets its own view of the machine.")
    return Finding(
        WARN,
        "sandbox",
        "User namespaces are refused (by sysctl kernel.unprivileged_userns_clone, AppArmor, or a container's seccomp "
        "profile): apps run with Landlock, or as plain processes.",
    )


def _overlay(_settings: Settings) -> Finding:
    if machine.overlay_works():
        return Finding(OK, "overlay", "Overlays work: what an app writes into its own directory vanishes with it.")
    return Finding(
        WARN,
        "overlay",
        "Overlays are refused in user namespaces: an app's own directory is not writable, or not reset.",
    )


def _landlock(_settings: Settings) -> Finding:
    version = machine.landlock_version()
    if version:
        return Finding(OK, "landlock", f"The kernel has Landlock (ABI {version}), the fallback of the sandbox.")
    return Finding(
        WARN, "landlock", "The kernel has no Landlock: where the sandbox is refused, apps are plain processes."
    )


def _limits(settings: Settings) -> Finding:
    limiter = Limiter(settings.run)
    return Finding(WARN if limiter.lacks else OK, "limits", limiter.meaning)


def _pythons(_settings: Settings) -> Finding:
    found = interpreters.versions(interpreters.at_hand())
    return Finding(OK, "python", f"Python apps can have {found}; another version is refused by name.")


def _node(_settings: Settings) -> Finding:
    version = machine.version_of("node")
    if version:
        return Finding(OK, "node", f"Node {version} is on PATH.")
    return Finding(OK, "node", "No Node on PATH: one is fetched when a Node app is built.")


def _git(_settings: Settings) -> Finding:
    version = machine.version_of("git")
    if version:
        return Finding(OK, "git", f"git {version}.")
    return Finding(WARN, "git", "No git: `up` takes directories and tarballs, but no refs, and records no commits.")


def _ports(settings: Settings, *, server_runs: bool) -> Iterator[Finding]:
    for name, variable, port in (
        ("API", "TWELVE_API_PORT", settings.api_port),
        ("front door", "TWELVE_ROUTER_PORT", settings.router_port),
    ):
        if server_runs:
            yield Finding(OK, f"port {port}", f"The {name} of the running twelve holds it.")
        elif is_free(port):
            yield Finding(OK, f"port {port}", f"Free for the {name}.")
        else:
            yield Finding(
                FAIL, f"port {port}", f"Another program listens there: set {variable} to another port for the {name}."
            )
