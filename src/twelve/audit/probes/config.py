"""Factors III and XII, observed: the environment alone configures it, secrets stay in it, one-offs have the same."""

import http.client
from uuid import uuid4

from twelve.audit.model import Severity
from twelve.audit.probes import watch
from twelve.audit.probes.probe import CannotTell, Probebook, Saw
from twelve.audit.probes.trial import Trial
from twelve.core.errors import TwelveError
from twelve.core.policy.environment import GIVEN
from twelve.flow import run_once

PROBES = Probebook()
OWN = GIVEN | {"PORT", "DYNO", "HEROKU_DYNO_ID", "PS", "PWD", "SHLVL", "_", "OLDPWD"}
PAGES = ("/", "/no-such-page", "/%ff", "/?q=%27%22%3C")


@PROBES.asks(
    "TF03-live-boot-from-env", Severity.ERROR, "It starts from the environment alone.",
    fix="Read every setting from the environment; ship no configuration that differs between deploys.",
)  # fmt: skip
def starts_from_the_environment(trial: Trial) -> Saw:
    up = [process.name for process in trial.processes() if process.state == "up"]
    if not up:
        raise CannotTell(f"It does not run, which may have other causes: {trial.failure}")
    keys = ", ".join(sorted(trial.given)) or "nothing of its own"
    return Saw(True, f"{', '.join(up)} came up in an empty home with {keys} set and no .env file.", "twelve run -- env")


@PROBES.asks(
    "TF03-live-missing-config", Severity.WARNING, "Without a setting it needs, it ends at once and names it.",
    fix="Check all settings at start; exit with their names when some are missing.",
)  # fmt: skip
def misses_what_is_missing(trial: Trial) -> Saw:
    needed = sorted(trial.given)
    if not needed or not trial.processes():
        raise CannotTell("Nothing says which settings it needs (.env.example), or it does not run.")
    quiet = [key for key in needed if not _names(trial, key)]
    if quiet:
        return Saw(False, f"Without {', '.join(quiet)} it came up or ended without naming the key.")
    return Saw(True, f"Without {', '.join(needed)}, one at a time, it ended at once and named the key.")


@PROBES.asks(
    "TF03-live-secret-leak", Severity.ERROR, "No secret shows in its output, pages or process list.",
    fix="Never print configuration; show error pages without it; pass secrets by the environment, not as arguments.",
)  # fmt: skip
def keeps_secrets(trial: Trial) -> Saw:
    release = trial.release
    secrets = trial.canaries | (dict(release.attached) if release else {})
    if not secrets or not trial.processes():
        raise CannotTell("It has no secret that could be watched for, or it does not run.")
    places = {"its output": "\n".join(line.text for line in trial.log() if line.source == "app")}
    places |= {f"GET {path}": _page(trial, path) for path in PAGES}
    arguments = b" ".join(watch.command_line(pid) for one in trial.processes() for pid in watch.members(one))
    places["its process list"] = arguments.decode(errors="replace")
    leaks = [f"{key} in {place}" for key, value in secrets.items() for place, text in places.items() if value in text]
    if leaks:
        return Saw(False, f"A secret shows: {', '.join(leaks)}.")
    return Saw(True, f"{', '.join(sorted(secrets))} show in none of: {', '.join(places)}.")


@PROBES.asks(
    "TF12-live-oneoff", Severity.ERROR, "A one-off process has the release and environment of the others.",
    fix="Run admin tasks with `twelve run`, in the same release.",
)  # fmt: skip
def one_offs_are_the_same(trial: Trial) -> Saw:
    processes = trial.processes()
    pids = watch.members(processes[0]) if processes else []
    if not pids:
        raise CannotTell("No process is up to compare with.")
    process = run_once.attached(trial.platform, trial.app, "env", {}, None, None, "audit")
    text = b""
    while chunk := process.read():
        text += chunk
    status = process.wait()
    there = watch.environment(pids[0])
    here = dict(line.split("=", 1) for line in text.decode(errors="replace").splitlines() if "=" in line)
    differ = sorted(key for key in trial.given.keys() | (there.keys() & here.keys()) if _differs(key, here, there))
    if status or differ:
        return Saw(
            False, f"`env` in a one-off ended with {status}; different from {processes[0].name}: {', '.join(differ)}."
        )
    return Saw(True, f"`env` in a one-off gave the same environment as in {processes[0].name}.", "twelve run -- env")


def _differs(key: str, here: dict[str, str], there: dict[str, str]) -> bool:
    return key not in OWN and here.get(key, "").partition("\n")[0] != there.get(key, "").partition("\n")[0]


def _names(trial: Trial, key: str) -> bool:
    """Whether a process without the key ends by itself and says which key it was."""
    kind = "web" if trial.processes("web") else trial.processes()[0].type
    spec = trial.one_more(kind, without=key)
    try:
        trial.platform.engine.start([spec])
        (result,) = trial.platform.engine.wait_up([spec.id])
    except TwelveError:
        return False
    finally:
        trial.platform.engine.stop([spec.id])
    return result.kind == "crashed" and any(key in line for line in result.tail)


def _page(trial: Trial, path: str) -> str:
    web = trial.web()
    if not web:
        return ""
    try:
        answer = trial.ask(web[0].port or 0, path, headers={"X-Request-Id": str(uuid4())})
    except (OSError, http.client.HTTPException):
        return ""
    return answer.body.decode(errors="replace") + "".join(answer.headers.values())
