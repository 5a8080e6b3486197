"""One app on a throw-away platform: what a probe does with it, and what it sees."""

import contextlib
import http.client
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from uuid import UUID

from twelve.audit.facts.secrets import is_secret_name
from twelve.audit.probes import watch
from twelve.audit.probes.throwaway import throw_away_platform
from twelve.core.errors import BadManifest, BadProcfile, NotFound, TwelveError
from twelve.core.formats import dotenv
from twelve.core.model import App, Build, FormationEntry, LogLine, Process, ProcessSpec, Release, Slug
from twelve.core.policy.hints import lacking_providers
from twelve.core.policy.services import attachment_for
from twelve.core.ports import ProcessEvent
from twelve.flow import apps, attach, configure, deploy, restart, scale, specs
from twelve.flow.platform import Platform
from twelve.flow.releasing import kept_processes
from twelve.flow.specs import slug_of
from twelve.infra import procfs
from twelve.stages.source.pack import pack

NAME = "audited"
USER = "audit@localhost"
LOOK = 0.1
STORE, MODEL, VERSION = "MODEL_STORE_URL", "MODEL_NAME", "MODEL_VERSION"
EXTRA = 900  # numbers of processes that no formation has


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(slots=True)
class Trial:
    """The app as it runs. `given` is its config, `canaries` the secrets in it, `failure` why it does not run.

    `unserved`: why there is no web process, although nothing failed. `copied`: the version of a model that is another
    one, published again. `users`: the process type that goes to a service on its own, empty where none does.
    """

    platform: Platform
    codebase: Path
    created: App
    given: dict[str, str]
    canaries: dict[str, str]
    build: Build | None = None
    output: str = ""
    failure: str = ""
    unserved: str = ""
    copied: str = ""
    events: list[tuple[float, ProcessEvent]] = field(default_factory=list)
    programs: set[str] = field(default_factory=set)
    users: dict[UUID, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(EXTRA))

    @property
    def failed_by(self) -> str:
        """The id of the error it does not run for."""
        failure = self.build.failure if self.build else None
        return str(failure["id"]) if self.failure and failure else ""

    @property
    def app(self) -> App:
        """As it is now: with its current release."""
        return self.platform.apps.get(self.created.id)

    @property
    def release(self) -> Release | None:
        return self.platform.releases.current(self.app)

    @property
    def slug(self) -> Slug | None:
        return slug_of(self.platform, self.release)

    def processes(self, kind: str | None = None) -> list[Process]:
        """Those of the formation, without what is on its way out."""
        every = kept_processes(self.platform, self.created)
        return [one for one in every if kind in {None, one.type} and one.number < EXTRA]

    def web(self) -> list[Process]:
        return [one for one in self.processes("web") if one.state == "up"]

    def deploy(self) -> None:
        """Build, release, run; what went wrong is in `failure`, in the words `up` would say.

        An app that fails for want of services that only its client libraries show gets them, and another try; one that
        fails for want of a model is deployed without web, until it has one.
        """
        self._deploy_once()
        for remedy in (self._add_services, self._do_without_web):
            if self.failure and remedy():
                self.failure = ""
                self._deploy_once()

    def _add_services(self) -> bool:
        slug = self.platform.slugs.get(self.build.slug_id) if self.build and self.build.slug_id else None
        wanted = lacking_providers(slug.clients, configure.effective(self.platform, self.app)) if slug else []
        for provider in wanted:
            attach.create(self.platform, self.app, provider, None, None)
        return bool(wanted)

    def _do_without_web(self) -> bool:
        config = configure.effective(self.platform, self.app)
        lacks = bool(config.get(STORE) and config.get(MODEL) and not config.get(VERSION))
        if lacks:
            self.platform.formations.replace(self.app.id, [FormationEntry(self.app.id, "web", 0)])
        return lacks

    def _deploy_once(self) -> None:
        path = self.platform.settings.uploads / f"{NAME}.tar"
        with path.open("wb") as upload:
            packed = pack(self.codebase, upload)
        request = deploy.DeployRequest(path, USER, packed.commit, dotenv=self.given, provision=True)
        build = deploy.begin(self.platform, self.app, request)
        self.output = b"".join(self.platform.outputs.follow(build.id)).decode(errors="replace")
        self.build = self.platform.builds.get(self.app.id, build.id)
        if self.build.failure is not None:
            self.failure = _told(self.build.failure)

    def ask(
        self, port: int, path: str = "/", *, timeout: float = 10.0, headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:  # fmt: skip
        """A process itself, past the front door; a POST when there is a body. Raises OSError, HTTPException."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        try:
            connection.request(
                "GET" if body is None else "POST", path, body, {"Host": f"{NAME}.localhost", **(headers or {})}
            )
            answer = connection.getresponse()
            return Answer(answer.status, answer.read(1 << 20), {k.lower(): v for k, v in answer.getheaders()})
        finally:
            connection.close()

    def log(self, most: int = 1500) -> list[LogLine]:
        return self.platform.logs.history(self.app.name, most)

    def one_more(self, kind: str, *, without: str = "", changed: Mapping[str, str] | None = None) -> ProcessSpec:
        """One more process of a type, known to nobody and out of service; perhaps with other config vars."""
        release, slug = self.release, self.slug
        if release is None or slug is None or kind not in slug.process_types:
            raise NotFound(f"Nothing of type {kind} is released.", resource="dyno")
        spec = specs.kept(self.app, release, slug, [(kind, next(self._numbers))], {})[0]
        kept = {key: value for key, value in spec.env.items() if key != without}
        return replace(spec, env=kept | dict(changed or {}))

    def scale(self, kind: str, quantity: int) -> None:
        scale.scale(self.platform, self.app, [scale.ScaleUpdate(kind, quantity)], USER)

    def restart(self, target: str | None = None) -> None:
        restart.restart(self.platform, self.app, target, USER)

    def configure(self, changes: Mapping[str, str | None]) -> None:
        """A release with another config; raises what it fails with, and the old one serves on."""
        configure.change(self.platform, self.app, changes, USER)

    def stop(self) -> None:
        apps.stop(self.platform, self.app, USER)

    def start(self) -> None:
        apps.start(self.platform, self.app, USER)


@contextlib.contextmanager
def trial(codebase: Path) -> Iterator[Trial]:
    """Started, with the app created and not yet deployed."""
    with throw_away_platform() as made:
        app = apps.create(made, NAME, USER)
        given, canaries = config_for(codebase)
        tried = Trial(made, codebase, app, given, canaries)
        made.engine.subscribe(lambda event: tried.events.append((time.monotonic(), event)))
        over = threading.Event()
        watching = in_background(lambda: _watch_programs(tried, over), "programs")
        try:
            yield tried
        finally:
            over.set()
            watching.join()


def _watch_programs(tried: Trial, over: threading.Event) -> None:
    while not over.wait(LOOK):
        for process in tried.platform.engine.processes(tried.created.id):
            tried.programs.update(procfs.executable(pid) for pid in watch.members(process))
        tried.programs.discard("")


def _told(failure: Mapping[str, object]) -> str:
    """With the last line the app printed, which mostly says why; nothing of it has run where a file was refused."""
    log = None if failure["id"] in {BadProcfile.id, BadManifest.id} else failure.get("log")
    lines = [str(line).strip() for line in log] if isinstance(log, Sequence) else []
    last = next((line for line in reversed(lines) if re.search(r"\w", line)), "")
    return f"{failure['message']} Its last line: {last}" if last else str(failure["message"])


def config_for(codebase: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The values .env.example gives, and a canary for every key that sounds secret. Services come from the platform."""
    file = codebase / ".env.example"
    example: dict[str, str] = {}
    with contextlib.suppress(OSError, TwelveError):
        example = dotenv.load(file.read_bytes(), str(file))
    secret = [key for key in example if is_secret_name(key) and attachment_for(key) is None]
    canaries = {key: f"canary{secrets.token_hex(16)}" for key in secret}
    own = {key: value for key, value in example.items() if attachment_for(key) is None}
    if {STORE, VERSION} <= example.keys():  # the platform's own store is empty: it has no version yet
        own[VERSION] = ""
    return own | canaries, canaries


def in_background(work: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
