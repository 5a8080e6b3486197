"""A deploy, in ten steps: receive, digest, build, resolve config and services, release, release command, boot, health,
switch, stop the old. Failure at any step leaves the old release serving and says which step and why."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from twelve.core.errors import TwelveError
from twelve.core.model import App, Build, ConfigVars, Release, Slug, Source
from twelve.core.policy import environment
from twelve.core.policy.hints import known_troubles, unattached
from twelve.core.policy.required import defaults
from twelve.flow import attach, candidates, specs
from twelve.flow.outputs import Output
from twelve.flow.platform import Platform
from twelve.flow.releasing import Serving, draft, effective, failure, refuse_during_rollout, started
from twelve.stages.source.arrive import arrive


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """`upload` is a tarball the deploy may delete. `dotenv` is a development .env; `provision` adds the services the
    codebase asks for and runs one process of every type: both come from `twelve up`. A `candidate` takes no traffic."""

    upload: Path
    user: str
    version: str | None = None
    dotenv: Mapping[str, str] | None = None
    provision: bool = False
    candidate: bool = False


def begin(platform: Platform, app: App, request: DeployRequest) -> Build:
    """Returns at once; follow platform.outputs under the build's id."""
    if request.candidate:
        candidates.check(platform, app)
    else:
        refuse_during_rollout(platform, app)
    build = platform.builds.create(app.id, user=request.user, version=request.version)
    output = platform.outputs.open(build.id)
    deploy = Deploy(platform, app, request, build, output)
    threading.Thread(target=deploy.run, name=f"deploy {app.name}", daemon=True).start()
    return build


class Deploy:
    def __init__(self, platform: Platform, app: App, request: DeployRequest, build: Build, output: Output) -> None:
        self._platform = platform
        self._app = app
        self._request = request
        self._build = build
        self._output = output
        self._stage = "source"

    def run(self) -> None:
        try:
            with self._platform.database.lock(self._app.id, "deploy"):
                self._deploy()
        except TwelveError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 - the last line of defence: the build must end, and say so
            self._failed(TwelveError(f"Unexpected {type(error).__name__} in step {self._stage}: {error}"))
        finally:
            self._request.upload.unlink(missing_ok=True)
            self._platform.builds.update(self._build.id, output=self._output.text)
            self._platform.outputs.close(self._build.id)

    def _deploy(self) -> None:
        slug = self._build_slug()
        with self._platform.database.lock(self._app.id, "release"):
            self._app = self._platform.apps.get(self._app.id)
            if self._request.candidate:
                self._make_candidate(slug)
                return
            refuse_during_rollout(self._platform, self._app)
            self._resolve(slug)
            release = self._release(slug)
            self._serve(release, slug)

    def _build_slug(self) -> Slug:
        self._say(f"Build started by user {self._request.user}")
        with TemporaryDirectory(dir=self._platform.settings.uploads) as directory:
            source = self._receive(Path(directory))
            self._stage = "build"
            slug = self._platform.builder.build(source, self._output)
        self._platform.builds.update(self._build.id, slug_id=slug.id, source_digest=source.digest, status="succeeded")
        self._say("Build succeeded")
        return slug

    def _receive(self, directory: Path) -> Source:
        source = arrive(self._request.upload, directory)
        return Source(source.tree, source.digest, source.commit or self._request.version, source.description)

    def _resolve(self, slug: Slug) -> None:
        """Config and services: what app.json declares and the codebase asks for, where nobody has set it yet."""
        self._stage = "config"
        if self._request.dotenv is not None:
            self._platform.config.replace(self._app.id, ConfigVars(self._request.dotenv), "dotenv")
            for note in environment.notes(self._request.dotenv):
                self._output.line(note)
        self._fill_in_defaults(slug)
        if self._request.provision:
            self._stage = "services"
            attach.provision(self._platform, self._app, slug, self._output, self._request.user)
        for hint in unattached(slug.clients, effective(self._platform, self._app), self._app.name):
            self._output.line(f"Note: {hint}")

    def _fill_in_defaults(self, slug: Slug) -> None:
        have = effective(self._platform, self._app)
        given = defaults(slug.manifest, have, lambda: secrets.token_hex(32))
        if given:
            own = self._platform.config.get(self._app.id)
            self._platform.config.replace(self._app.id, own.changed(given))

    def _release(self, slug: Slug) -> Release:
        self._stage = "release"
        release = self._platform.releases.create(
            draft(self._platform, self._app, slug, f"Deploy {self._commit(slug)}", self._request.user)
        )
        self._platform.builds.update(self._build.id, release_id=release.id)
        self._say(f"Deploy {self._commit(slug)} by user {self._request.user}")
        return release

    def _make_candidate(self, slug: Slug) -> None:
        """With the config that is current; what it needs besides is its own, and nothing of the app changes."""
        self._stage = "release"
        given = defaults(slug.manifest, effective(self._platform, self._app), lambda: secrets.token_hex(32))
        own = self._platform.config.get(self._app.id).changed(given)
        dotenv = None if self._request.dotenv is None else ConfigVars(self._request.dotenv)
        made = candidates.Candidate(slug, f"Deploy {self._commit(slug)} as a candidate", own, dotenv)
        release = candidates.make(self._platform, self._app, made, self._request.user, self._output)
        self._platform.builds.update(self._build.id, release_id=release.id)
        self._output.step(f"Made candidate v{release.version}")
        self._output.line(candidates.advice(self._platform, self._app, release))

    def _serve(self, release: Release, slug: Slug) -> None:
        app = started(self._platform, self._app)
        everything = self._request.provision
        if self._platform.engine.weakness:
            self._output.line(f"Note: {self._platform.engine.weakness}")
        Serving(self._platform, app, release, slug, self._output, all_types=everything).run()
        self._output.step(f"Released v{release.version}")
        if self._runs_web():
            self._output.line(f"{specs.url(self._platform, self._app)} serves v{release.version}")
        elif "web" in slug.process_types:
            self._output.line(f"Note: no web process runs; `twelve scale -a {self._app.name} web=1` starts one.")
        elif not slug.process_types:
            self._output.line("Note: there are no process types, so nothing runs; write a Procfile.")

    def _runs_web(self) -> bool:
        return any(entry.type == "web" and entry.quantity for entry in self._platform.formations.list(self._app.id))

    def _failed(self, error: TwelveError) -> None:
        document = failure(error, self._stage)
        if not self._output.ends_with(error.log):
            for line in error.log:
                self._output.line(line)
        for hint in known_troubles(error.log):
            self._output.line(f"Note: {hint}")
        self._output.error(str(error))
        if self._stage in {"source", "build"}:
            self._say("Build failed -- check your build output")
            self._platform.builds.update(self._build.id, status="failed", failure=document)
        else:
            self._platform.builds.update(self._build.id, failure=document)

    def _commit(self, slug: Slug) -> str:
        """What people call this deploy: the commit, where there is one, else the slug."""
        return (self._request.version or slug.commit or slug.digest)[:8]

    def _say(self, text: str) -> None:
        self._platform.logs.write(self._app.name, "api", text, source="app")
