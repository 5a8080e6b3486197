"""Factors V and VI, observed: what it writes while it serves, and whether another instance would know."""

import http.client
import time

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.ports import asked, main_process, web_of
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial
from twelve.core.errors import TwelveError

PROBES = Probebook()
SHOWN = 3
SESSION = ("sess", "sid", "auth")


@PROBES.asks(
    "TF05-live-readonly-code", Severity.ERROR, "It never changes its own code.",
    fix="Change code in the build stage only; at run time nothing below the app's directory is written.",
)  # fmt: skip
def leaves_its_code_alone(trial: Trial) -> Saw:
    changed = [name for name in _written(trial) if name in _shipped(trial)]
    if changed:
        return Saw(False, f"It changed files of its release while it ran: {_some(changed)}.")
    return Saw(True, "No file of its release was changed while it started and served.", "twelve run -- git status")


@PROBES.asks(
    "TF06-live-write", Severity.ERROR, "It keeps nothing on the local disk while it serves.",
    fix="Keep what must last in a backing service; use a temporary directory for the rest.",
)  # fmt: skip
def writes_nothing(trial: Trial) -> Saw:
    shipped = _shipped(trial)
    made = [name for name in _written(trial) if name not in shipped]
    if made:
        return Saw(False, f"It made files outside of temporary directories: {_some(made)}.")
    return Saw(True, "It made no file outside of temporary directories while it started and served.")


@PROBES.asks(
    "TF06-live-two-instances", Severity.ERROR, "A session that began at one instance goes on at another.",
    fix="Keep sessions in a shared store, or whole in a signed cookie.",
)  # fmt: skip
def sessions_are_shared(trial: Trial) -> Saw:
    """Without a script for the app: a session cookie of one instance has to be good enough for the other."""
    web_of(trial)
    try:
        trial.scale("web", 2)
    except TwelveError as error:
        raise CannotTell(f"A second instance did not come up: {error}") from error
    try:
        first, second = trial.web()[:2]
        cookie = _session_cookie(trial, first.port or 0)
        kept = _takes_over(trial, second.port or 0, cookie)
    except (OSError, http.client.HTTPException) as error:
        raise CannotTell(f"An instance did not answer: {type(error).__name__}.") from error
    finally:
        trial.scale("web", 1)
    name = cookie.partition("=")[0]
    told = "took it over" if kept else "began another one"
    return Saw(kept, f"{first.name} began the session {name}, and {second.name}, shown its cookie, {told}.")


@PROBES.asks(
    "TF06-live-restart", Severity.WARNING, "A session outlives a restart.",
    fix="Keep sessions in a backing service, or whole in a cookie signed with a key from the environment.",
)  # fmt: skip
def sessions_outlive_restarts(trial: Trial) -> Saw:
    (process, *_) = web_of(trial)
    try:
        cookie = _session_cookie(trial, process.port or 0)
        trial.restart("web")
        (again, *_) = web_of(trial)
        kept = _takes_over(trial, again.port or 0, cookie)
    except (OSError, http.client.HTTPException, TwelveError) as error:
        raise CannotTell(f"A session could not be taken through a restart: {error}") from error
    told = "went on" if kept else "was forgotten"
    return Saw(kept, f"The session {cookie.partition('=')[0]} {told} after a restart.", "twelve restart web")


def _takes_over(trial: Trial, port: int, cookie: str) -> bool:
    """Whoever does not know a session begins another one."""
    again = trial.ask(port, headers={"Cookie": cookie})
    return not again.headers.get("set-cookie", "").startswith(f"{cookie.partition('=')[0]}=")


def _session_cookie(trial: Trial, port: int) -> str:
    given = trial.ask(port).headers.get("set-cookie", "")
    cookie = given.partition(";")[0]
    if not any(word in cookie.partition("=")[0].lower() for word in SESSION):
        raise CannotTell("GET / begins no session, so whether another instance knew it cannot be told.")
    if not _takes_over(trial, port, cookie):
        raise CannotTell("Each answer renews the session's cookie, so whether another instance knew it cannot be told.")
    return cookie


def _written(trial: Trial) -> list[str]:
    """After some requests, so that what is written lazily is there."""
    process = main_process(trial)
    for path in ("/", "/", "/no-such-page"):
        asked(trial, process.port or 0, path)
    time.sleep(0.5)
    pids = watch.members(process)
    if not pids:
        raise CannotTell(f"{process.name} has ended.")
    return watch.changed_files(pids[0], process.created_at.timestamp())


def _shipped(trial: Trial) -> set[str]:
    slug = trial.slug
    return set() if slug is None else {
        str(path.relative_to(layer.path)) for layer in slug.layers for path in layer.path.rglob("*") if path.is_file()
    }  # fmt: skip


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
