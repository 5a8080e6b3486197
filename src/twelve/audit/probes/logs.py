"""Factor XI, observed: what it says goes to stdout, at once, and to no file."""

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.patience import until
from twelve.audit.probes.ports import asked, web_of
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial

PROBES = Probebook()
AT_ONCE = 1.0  # seconds


@PROBES.asks(
    "TF11-live-log-files", Severity.ERROR, "It appends to no file while it serves.",
    fix="Log to stdout; where the stream goes is the platform's business.",
)  # fmt: skip
def has_no_log_files(trial: Trial) -> Saw:
    processes = trial.processes()
    if not processes:
        raise CannotTell("No process is up.")
    for process in trial.web()[:1]:
        asked(trial, process.port or 0)
    found = watch.written_files([pid for process in processes for pid in watch.members(process)])
    appended = sorted(one.path for one in found if one.appends or one.path.endswith(".log"))
    if appended:
        return Saw(False, f"It holds files open to append to: {', '.join(appended)}.")
    return Saw(True, f"None of its processes ({', '.join(one.name for one in processes)}) appends to a file.")


@PROBES.asks(
    "TF11-live-stream", Severity.WARNING, "A request shows in its output within a second.",
    fix="Write unbuffered to stdout (PYTHONUNBUFFERED=1), and log requests.",
)  # fmt: skip
def speaks_at_once(trial: Trial) -> Saw:
    (process, *_) = web_of(trial)
    before = _said(trial)
    asked(trial, process.port or 0, "/?probe=stream")
    if until(lambda: _said(trial) > before, AT_ONCE):
        return Saw(True, "A line came on its output within 1 s of a request.", "twelve logs --tail")
    if before:
        raise CannotTell("It logs, but not each request, so nothing shows how soon its output comes.")
    return Saw(
        False, "Nothing came on its output, neither at its start nor within 1 s of a request.", "twelve logs --tail"
    )


def _said(trial: Trial) -> int:
    return sum(line.source == "app" and line.process != "api" for line in trial.log())
