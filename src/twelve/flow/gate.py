"""Whether a candidate may serve: which version it is, and the gate as a one-off of the current release."""

import secrets
import threading
from collections.abc import Iterator
from contextlib import suppress

from twelve.core.errors import RunError
from twelve.core.model import App, LogFilter, Release, Retraining
from twelve.core.model.retraining import JUDGED
from twelve.core.policy import retrain as policy
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.retrain import GATE, Next
from twelve.core.ports import AttachedProcess
from twelve.flow import specs
from twelve.flow.platform import Platform
from twelve.flow.releasing import lines_read
from twelve.flow.specs import slug_of

HOLDOUT = "HOLDOUT_DATA_VERSION"
HISTORY = 1500  # lines of the app's log that are looked through for events
MOST_LINES = 5000  # of a gate's output that are kept


def candidate(platform: Platform, app: App, one: Retraining) -> Next:
    """What the training has left in the store decides, not what it said."""
    from twelve.stages.models.candidates import published  # noqa: PLC0415 - the store's library is large

    release = _current(platform, app)
    champion = serving(release, one.model)
    judged = platform.retrainings.judged(app.id, one.model)
    found = policy.candidate(published(one.model, release.config), app.name, judged, champion)
    return policy.after_training(one.exit_status, found, one.model, champion)


def judge(platform: Platform, app: App, one: Retraining) -> Next:
    """Has no effect but its lines in the log, so it may be run again."""
    release = _current(platform, app)
    slug = slug_of(platform, release)
    if slug is None or one.candidate is None:
        raise RunError(f"{app.name} has nothing to judge {one.model} with.")
    command = policy.gate_command(slug.process_types, one.model, one.candidate, accept_drift=one.accept_drift)
    env = {"CANDIDATE_VERSION": one.candidate} | ({"ACCEPT_DRIFT": "1"} if one.accept_drift else {})
    number = secrets.choice(ONE_OFFS)
    spec = specs.once(app, release, slug, GATE, number, command, env=env, attached=True)
    process = platform.engine.attach(spec)
    overdue = threading.Timer(platform.settings.release_timeout, process.hang_up)
    overdue.daemon = True
    overdue.start()
    try:
        verdict = policy.after_gate(*_output(platform, app, process))
    finally:
        overdue.cancel()
    return policy.worn(verdict, *_uses(platform, app, one, release))


def _uses(platform: Platform, app: App, one: Retraining, release: Release) -> tuple[str, int]:
    """The holdout, and how many candidates of this model it has judged, with this one."""
    holdout = release.config.get(HOLDOUT, "")
    if not holdout:
        return "", 0
    same = {each.version for each in platform.releases.list(app.id) if _tree(each) == _tree(release)}
    earlier = platform.retrainings.list(app.id)
    judged = [each for each in earlier if each.state in JUDGED and each.model == one.model]
    return holdout, 1 + sum(each.release_version in same for each in judged)


def _tree(release: Release) -> str:
    return release.config.get(HOLDOUT, "").rpartition("@")[2]


def serving(release: Release | None, model: str) -> str | None:
    """The version of a model that a release serves."""
    if release is None or release.config.get("MODEL_NAME") != model:
        return None
    return release.config.get("MODEL_VERSION") or None


def _output(platform: Platform, app: App, process: AttachedProcess) -> tuple[int, list[str]]:
    feed = threading.Thread(target=_feed, args=(platform, app, process), name="gate's inputs", daemon=True)
    feed.start()
    lines: list[str] = []
    for line in lines_read(process.read):
        platform.logs.write(app.name, process.process.name, line, source="app")
        if len(lines) < MOST_LINES:
            lines.append(line)
    return process.wait(), lines


def _feed(platform: Platform, app: App, process: AttachedProcess) -> None:
    """Recent events of the app's processes: what the model was asked."""
    with suppress(OSError):  # a gate that reads nothing may be gone already
        for text in _events(platform, app):
            process.write(f"{text}\n".encode())
    with suppress(OSError):
        process.close_input()


def _events(platform: Platform, app: App) -> Iterator[str]:
    for line in platform.logs.history(app.name, HISTORY, LogFilter(source="app")):
        if '"feature_hist"' in line.text or '"prediction"' in line.text:
            yield line.text


def _current(platform: Platform, app: App) -> Release:
    release = platform.releases.current(app)
    if release is None:
        raise RunError(f"{app.name} has nothing released yet.")
    return release
