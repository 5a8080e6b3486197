"""The status of a process that has ended, as the shell tells it: its own, or 128 + the signal that ended it."""

import os
import signal


def from_wait(status: int) -> int:
    """From what the kernel's wait() gave."""
    return from_returncode(os.waitstatus_to_exitcode(status))


def from_returncode(returncode: int) -> int:
    """From Python's convention, where a signal is negative."""
    return returncode if returncode >= 0 else 128 - returncode


def described(status: int) -> str:
    """The status and, when a signal ended it, which: "137 (SIGKILL)"."""
    try:
        return f"{status} ({signal.Signals(status - 128).name})"
    except ValueError:
        return str(status)
