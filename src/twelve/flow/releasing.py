"""From a slug to a release that serves: what deploy, configure, attach and rollback have in common.

The caller holds the app's release lock.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from twelve.core.errors import Conflict, MissingConfig, ReleaseCommandFailed, TwelveError
from twelve.core.model import App, Attachment, ConfigVars, FormationEntry, Process, Release, ReleaseStatus, Slug
from twelve.core.policy.formation import default_formation
from twelve.core.policy.numbers import ONE_OFFS
from twelve.core.policy.required import missing
from twelve.core.policy.rollout import place_of
from twelve.core.ports import Progress
from twelve.flow import specs
from twelve.flow.changeover import Changeover
from twelve.flow.pinning import pinned, without_pins
from twelve.flow.platform import Platform
from twelve.flow.schedule import install
from twelve.stages.release.store import Draft

RELEASE = "release"
TAIL = 20  # lines of output an error carries


class Silent:
    """A Progress nobody reads."""

    def step(self, text: str) -> None: ...
    def line(self, text: str) -> None: ...


def attached_config(platform: Platform, attachments: Sequence[Attachment]) -> tuple[ConfigVars, dict[str, str]]:
    """What attachments contribute to config, with today's addresses; and attachment name -> resource name."""
    values: dict[str, str] = {}
    names: dict[str, str] = {}
    for attachment in attachments:
        resource = platform.resources.get(attachment.resource_id)
        values |= platform.providers[resource.provider].config(attachment.name, resource.details)
        names[attachment.name] = resource.name
    return ConfigVars(values), names


def effective(platform: Platform, app: App) -> ConfigVars:
    """The config the next release would get: development .env, config vars, attachments; later wins."""
    attached, _ = attached_config(platform, platform.attachments.list(app.id))
    return platform.config.layered(app.id).changed(attached)


def draft(
    platform: Platform, app: App, slug: Slug | None, description: str, user: str, *, own: ConfigVars | None = None,
    dotenv: ConfigVars | None = None, candidate: bool = False, like: Release | None = None,
) -> Draft:  # fmt: skip
    """With the app's config, or with `own` and `dotenv` of a release that has others. `like`: an earlier release whose
    config it has again; its model comes with it, whatever the store holds today."""
    found, names = attached_config(platform, platform.attachments.list(app.id))
    dotenv = without_pins(platform.config.dotenv(app.id) if dotenv is None else dotenv)
    own = without_pins(platform.config.get(app.id) if own is None else own)
    attached = without_pins(found)
    return Draft(
        app=app,
        slug=slug,
        dotenv=dotenv,
        own=own,
        attached=attached,
        model=like.model if like else pinned(platform, app, dotenv.changed(own).changed(attached)),
        attachments=names,
        description=description,
        user=user,
        candidate=candidate,
    )


def refuse_during_rollout(platform: Platform, app: App) -> None:
    """What a rollout compares must not change under it. The caller would make another release current."""
    if (rollout := platform.rollouts.running(app.id)) is not None:
        raise Conflict(
            f"The rollout {rollout.salt} of {app.name} is running.",
            hint=f"Promote or abort it first: `twelve rollout abort -a {app.name}`.",
        )


@dataclass(frozen=True, slots=True)
class Serving:
    """One release on its way to serve. `automatic`: nobody asked for it.

    `urgent`: what it runs has served before.
    """

    platform: Platform
    app: App
    release: Release
    slug: Slug | None
    progress: Progress
    run_command: bool = True
    all_types: bool = False
    urgent: bool = False
    automatic: bool = False

    def run(self) -> Release:
        """Gives the release, succeeded. On any failure the old release goes on serving and this one is `failed`."""
        try:
            if self.slug is not None:
                self._check_config(self.slug)
                self._release_command(self.slug)
                self._roll_out(self.slug)
            self._become_current()
        except Exception as error:
            self._fail(error if isinstance(error, TwelveError) else TwelveError(f"Unexpected {type(error).__name__}."))
            raise
        return self.platform.releases.get(self.app.id, self.release.id)

    def prepare(self) -> Release:
        """All but the processes: it may serve, and does not yet."""
        try:
            if self.slug is not None:
                self._check_config(self.slug)
                self._release_command(self.slug)
        except Exception as error:
            self._fail(error if isinstance(error, TwelveError) else TwelveError(f"Unexpected {type(error).__name__}."))
            raise
        self.platform.releases.finish(self.release, ReleaseStatus.SUCCEEDED)
        self._say(f"Candidate v{self.release.version} created by user {self.release.user}")
        return self.platform.releases.get(self.app.id, self.release.id)

    def _check_config(self, slug: Slug) -> None:
        if absent := missing(slug.required_keys, self.release.config):
            places = ", ".join(f"{key} ({where})" for key, where in absent)
            noun = "config var" if len(absent) == 1 else "config vars"
            raise MissingConfig(
                f"{self.app.name} needs {len(absent)} {noun} that nobody has set: {places}.",
                hint=f"Set them: `twelve config set -a {self.app.name} {absent[0][0]}=...`, or in .env in development.",
            )

    def _release_command(self, slug: Slug) -> None:
        command = slug.process_types.get(RELEASE)
        if command is None or not self.run_command:
            return
        self.progress.step(f"Running the release command of v{self.release.version}")
        self._say(f"Running release v{self.release.version} commands by user {self.release.user}")
        status, lines = self._run_to_the_end(slug, command)
        if status != 0:
            self._say(f"Release v{self.release.version} command failed by user {self.release.user}")
            raise ReleaseCommandFailed(
                f"The release command of v{self.release.version} exited with status {status}.", log=tuple(lines[-TAIL:])
            )

    def _run_to_the_end(self, slug: Slug, command: str) -> tuple[int, list[str]]:
        number = secrets.choice(ONE_OFFS)
        spec = specs.once(self.app, self.release, slug, RELEASE, number, command, attached=True)
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)
            self.progress.line(line)
            self.platform.releases.add_output(self.release, f"{line}\n")
            self.platform.logs.write(self.app.name, spec.name, line, source="app")

        process = self.platform.engine.attach(spec)
        process.close_input()
        overdue = threading.Timer(self.platform.settings.release_timeout, process.hang_up)
        overdue.start()
        try:
            for line in lines_read(process.read):
                keep(line)
            return process.wait(), lines
        finally:
            overdue.cancel()

    def _roll_out(self, slug: Slug) -> None:
        formation = self._formation(slug)
        if not self.app.stopped:
            self._start(slug, formation)
        self.platform.formations.replace(self.app.id, formation)

    def _start(self, slug: Slug, formation: Sequence[FormationEntry]) -> None:
        sizes = {entry.type: entry.size for entry in formation}
        unproven = not (self.urgent or self.automatic)
        new = specs.kept(self.app, self.release, slug, specs.places(formation), sizes, new=unproven)
        old = [one for one in kept_processes(self.platform, self.app) if not place_of(one.number)]
        if new:
            self.progress.step(f"Starting v{self.release.version}")
        roll_out(
            self.platform, self.app, Changeover(self.platform, self.app, new, old, self.progress, urgent=self.urgent)
        )

    def _formation(self, slug: Slug) -> list[FormationEntry]:
        """What was scaled stays; types that are new get their default, types that are gone go."""
        known = {entry.type: entry for entry in self.platform.formations.list(self.app.id)}
        fresh = default_formation(self.app.id, slug.process_types, slug.manifest, all_types=self.all_types)
        return [known.get(entry.type, entry) for entry in fresh]

    def _become_current(self) -> None:
        before = self.platform.releases.current(self.app)
        self.platform.apps.change(self.app.id, current_release=self.release.id)
        self.platform.releases.finish(self.release, ReleaseStatus.SUCCEEDED)
        if self.slug is not None:
            install(self.platform, self.app, self.slug)
        self._say(f"Release v{self.release.version} created by user {self.release.user}")
        first = before is None or before.slug_id is None
        self.platform.probation.begin(self.release, exempt=first or self.automatic)
        self.platform.keeper.refresh(self.platform.apps.get(self.app.id))

    def _fail(self, error: TwelveError) -> None:
        self.platform.releases.finish(self.release, ReleaseStatus.FAILED, failure(error, "release"))

    def _say(self, text: str) -> None:
        self.platform.logs.write(self.app.name, "api", text, source="app")


def roll_out(platform: Platform, app: App, changeover: Changeover) -> None:
    """Run it; when it fails, the exclusive processes it had to stop first are started again from their own release."""
    try:
        changeover.run()
    except BaseException:
        restore(platform, app, changeover.stopped_early)
        raise


def restore(platform: Platform, app: App, processes: Sequence[Process]) -> None:
    for process in processes:
        release = platform.releases.get(app.id, process.release_id)
        slug = specs.slug_of(platform, release)
        if slug is not None:
            size = {process.type: process.size}
            platform.engine.start(specs.kept(app, release, slug, [(process.type, process.number)], size))


def is_one_off(process: Process) -> bool:
    return process.number in ONE_OFFS


def kept_processes(platform: Platform, app: App) -> list[Process]:
    """The formation's processes as they run now, without those that are on their way out."""
    return [
        process
        for process in platform.engine.processes(app.id)
        if not is_one_off(process) and process.id not in platform.retiring
    ]


def failure(error: TwelveError, stage: str) -> dict[str, object]:
    """An error as the API and the ledger keep it."""
    document: dict[str, object] = {"id": error.id, "message": str(error), "exit_code": error.exit_code, "stage": stage}
    if error.log:
        document["log"] = list(error.log)
    return document


def started(platform: Platform, app: App) -> App:
    """An app that somebody deploys is meant to run."""
    return platform.apps.change(app.id, stopped=False) if app.stopped else app


def lines_read(read: Callable[[], bytes]) -> Iterator[str]:
    """Output as it comes, line by line; the last one may lack its newline."""
    rest = b""
    while chunk := read():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode(errors="replace")
    if rest:
        yield rest.decode(errors="replace")
