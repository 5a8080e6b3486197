"""What a process is started with: the shell around its command, and the part of its environment only we know."""

from functools import cache
from pathlib import Path

from twelve.core.model import ProcessSpec
from twelve.core.policy.environment import NEW_RELEASE
from twelve.core.policy.launch import script
from twelve.stages.run.local.limits import shell_limits
from twelve.stages.run.local.tree import ID_VARIABLE

BASH = "/bin/bash"


def shell(command: str, *, terminal: bool, processes: int | None = None) -> tuple[str, ...]:
    """`processes`: the most it may have, where nothing else says so; only bash can be told.

    On a terminal it leads a session of its own: Ctrl-C then reaches the command, and not the sandbox around it."""
    program = _program()
    leader = ("/usr/bin/setsid", "--ctty") if terminal else ()
    counted = processes if program == BASH else None
    return (*leader, program, "-c", f"{shell_limits(counted)}\n{script(command)}")


@cache
def _program() -> str:
    return BASH if Path(BASH).exists() else "/bin/sh"


def environment(spec: ProcessSpec, port: int | None, *, first: bool = False) -> dict[str, str]:
    """The environment as the app sees it, complete; what we own wins. `first`: it has never been up."""
    own = {
        "PORT": str(port),
        "DYNO": spec.name,
        ID_VARIABLE: str(spec.id),
        "HOME": "/app",
        "PWD": "/app",
        **(NEW_RELEASE if spec.new and first else {}),
    }
    if spec.terminal is None:
        return {**spec.env, **own}
    columns, rows = spec.terminal
    return {"TERM": "xterm-256color", **spec.env, **own, "COLUMNS": str(columns), "LINES": str(rows)}
