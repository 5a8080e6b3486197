"""Factor XII: a one-off process in the same release, environment and isolation as the app's other processes."""

import secrets
from collections.abc import Mapping

from twelve.core.errors import RunError
from twelve.core.model import App, Process, ProcessSpec
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.sizes import size_named
from twelve.core.ports import AttachedProcess
from twelve.flow import specs
from twelve.flow.platform import Platform
from twelve.flow.specs import slug_of

RUN = "run"


def detached(
    platform: Platform, app: App, command: str, env: Mapping[str, str], size: str | None, user: str
) -> Process:
    """Its output goes to the app's log stream."""
    spec = _spec(platform, app, command, env, size, None, attached=False)
    platform.logs.write(app.name, "api", f"Starting process with command `{command}` by user {user}", source="app")
    return platform.engine.start([spec])[0]


def attached(
    platform: Platform, app: App, command: str, env: Mapping[str, str], size: str | None,
    terminal: tuple[int, int] | None, user: str,
) -> AttachedProcess:  # fmt: skip
    """Somebody holds its input and output; `terminal` is (columns, rows), None for pipes."""
    spec = _spec(platform, app, command, env, size, terminal, attached=True)
    platform.logs.write(app.name, "api", f"Starting process with command `{command}` by user {user}", source="app")
    return platform.engine.attach(spec)


def _spec(
    platform: Platform, app: App, command: str, env: Mapping[str, str], size: str | None,
    terminal: tuple[int, int] | None, *, attached: bool,
) -> ProcessSpec:  # fmt: skip
    release = platform.releases.current(app)
    slug = slug_of(platform, release)
    if release is None or slug is None:
        raise RunError(f"{app.name} has nothing released yet.", hint="Deploy it first with `twelve up`.")
    taken = {process.number for process in platform.engine.processes(app.id)}
    number = secrets.choice([number for number in ONE_OFFS if number not in taken])
    name = slug.process_types.get(command, command)
    return specs.once(
        app, release, slug, RUN, number, name, size=size_named(size), env=env, terminal=terminal, attached=attached
    )
