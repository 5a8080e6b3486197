"""Memory against its quota: above it a warning every now and then (R14), above twice of it the end (R15)."""

from dataclasses import dataclass

from twelve.core.policy import codes

MIB = 1024 * 1024
SAMPLED = 5.0  # seconds between two looks
WARNED = 20.0  # seconds at least between two warnings
VAST = 2  # times the quota


@dataclass(frozen=True, slots=True)
class Usage:
    """In bytes. `own` leaves out the file cache, which the kernel takes back when memory gets short."""

    total: int
    own: int


@dataclass(frozen=True, slots=True)
class Verdict:
    lines: tuple[str, ...] = ()
    kill: bool = False


def decide(usage: Usage, quota: int, since_warning: float | None = None) -> Verdict:
    """`quota` in bytes; `since_warning`: seconds since this process was last warned, None when it never was."""
    if usage.own > VAST * quota:
        return vast(usage.own, quota)
    if usage.total > quota and (since_warning is None or since_warning >= WARNED):
        return Verdict((_running(usage.total, quota), codes.text("R14")))
    return Verdict()


def vast(used: int, quota: int) -> Verdict:
    """Also what is said when the kernel was quicker."""
    return Verdict((_running(used, quota), codes.text("R15"), "Stopping process with SIGKILL"), kill=True)


def _running(used: int, quota: int) -> str:
    return f"Process running mem={used // MIB}M({100 * used / quota:.1f}%)"
