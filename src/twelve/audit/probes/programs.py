"""Factor II, observed last of all: every program that ran meanwhile came with the app."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from twelve.audit.model import Severity
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial

PROBES = Probebook()
ALWAYS_THERE = {"sh", "dash", "bash", "env", "getconf"}
OF_SCRIPTS = {"realpath", "dirname"}  # the first line of every script in a Python layer finds its interpreter by these


@PROBES.asks(
    "TF02-live-exec-outside", Severity.WARNING, "It runs no program that it does not bring or declare.",
    fix="Use a library for it, or declare the program with what the app needs.",
)  # fmt: skip
def runs_its_own_programs(trial: Trial) -> Saw:
    """Those that were seen: one that ends within a tenth of a second may be missed."""
    seen, slug = set(trial.programs), trial.slug
    if not seen or slug is None:
        raise CannotTell("No process was up to be watched.")
    foreign = sorted(path for path in seen if not _is_own(path, slug.binds))
    if foreign:
        return Saw(False, f"It ran programs of the machine: {', '.join(foreign)}.")
    return Saw(True, f"Only programs of its own were seen: {', '.join(sorted(seen))}.")


def _is_own(path: str, binds: Sequence[str]) -> bool:
    return path.startswith(("/app/", *binds)) or PurePosixPath(path).name in ALWAYS_THERE | OF_SCRIPTS
