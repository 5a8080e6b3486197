"""Factors II and X, observed: built from its manifests alone, and the same build in every deploy."""

import hashlib

from twelve.audit.model import Severity
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial
from twelve.audit.probes.trial import trial as another
from twelve.core.errors import BadProcfile, HostileArchive, SourceError, TwelveError
from twelve.core.model import Slug

PROBES = Probebook()
HARMLESS = "AUDITED"
OTHERWISE = {BadProcfile.id, SourceError.id, HostileArchive.id}
MISSING = ("ModuleNotFoundError", "No module named", "Cannot find module", "ERR_MODULE_NOT_FOUND", "command not found",
           "cannot open shared object file", "cannot load such file")  # fmt: skip


@PROBES.asks(
    "TF02-live-clean-build", Severity.ERROR, "It builds and starts with nothing but what it declares.",
    fix="Declare what is missing in the manifest, and lock it.",
)  # fmt: skip
def builds_from_manifests(trial: Trial) -> Saw:
    if trial.failed_by in OTHERWISE:
        raise CannotTell(f"It is not built for a reason that is no dependency: {trial.failure}")
    if trial.build is None or trial.build.status != "succeeded":
        return Saw(False, f"In an empty environment it does not build: {trial.failure}")
    if trial.failure:
        if any(sign in trial.failure for sign in MISSING):
            return Saw(False, f"It builds, but does not start with what it declares: {trial.failure}")
        raise CannotTell(f"It builds from its manifests, and does not start for another reason: {trial.failure}")
    return Saw(True, "Built in an empty sandbox from its manifests, it started there with nothing else.", "twelve up")


@PROBES.asks(
    "TF05-live-repro-build", Severity.INFO, "The same code gives the same build.",
    fix="Keep times, random names and the network out of the build.",
)  # fmt: skip
def builds_the_same_twice(trial: Trial) -> Saw:
    first = trial.slug
    if first is None:
        raise CannotTell("It does not build.")
    with another(trial.codebase) as again:
        again.deploy()
        second = again.slug
        if second is None:
            raise CannotTell(f"A second build failed: {again.failure}")
        one, other = _contents(first), _contents(second)
    differ = sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
    if differ:
        return Saw(False, f"Of {len(one)} files, {len(differ)} differ in a second build: {', '.join(differ[:3])}.")
    return Saw(True, f"A second build, on an empty platform, gave the same {len(one)} files.")


def _contents(slug: Slug) -> dict[str, str]:
    """Every file of a slug but bytecode, which names the time of its source."""
    return {
        str(path.relative_to(layer.path)): hashlib.sha256(path.read_bytes()).hexdigest()
        for layer in slug.layers
        for path in layer.path.rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
    }


@PROBES.asks(
    "TF10-live-same-release", Severity.WARNING, "Another deploy is the same build with another environment.",
    fix="Let nothing that differs between deploys into the build.",
)  # fmt: skip
def is_the_same_everywhere(trial: Trial) -> Saw:
    before = trial.slug
    if before is None or not trial.processes():
        raise CannotTell("It does not run.")
    try:
        trial.configure({HARMLESS: "1"})
    except TwelveError as error:
        return Saw(False, f"With another environment the same build does not start: {error}")
    after = trial.slug
    same = after is not None and after.digest == before.digest
    return Saw(same, f"Slug {before.digest[:8]} started again, unbuilt, with one more setting.", "twelve releases diff")
