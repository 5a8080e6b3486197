"""Source -> Slug: recognise, reuse or make each layer, and keep what came of it under one digest.

declared -> languages -> digest -> known slug?  else  dependency layers -> app layer -> slug
"""

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid5

import twelve
from twelve.core.model import Layer, Slug, Source
from twelve.core.policy import hints
from twelve.core.ports import Progress
from twelve.infra.files import disk_full_is_said, files_below, remove_tree
from twelve.infra.settings import Settings
from twelve.stages.build import declared, facts, recognise
from twelve.stages.build.declared import Declared
from twelve.stages.build.language import Language, layer_key
from twelve.stages.build.layers import Shelf
from twelve.stages.build.sandbox import Sandbox
from twelve.stages.build.workshop import Host, Workshop, clear, prepare

NAMESPACE = UUID("7d2c1c1e-6f0e-4c39-9a53-12fac7012012")
WORK = ".work"


class SlugStore(Protocol):
    def by_digest(self, digest: str) -> Slug | None: ...
    def save(self, slug: Slug) -> Slug: ...
    def list(self) -> list[Slug]: ...
    def remove(self, digests: set[str]) -> None: ...


class Builder:
    def __init__(
        self, settings: Settings, slugs: SlugStore, *, sandbox: Sandbox | None = None, host: Host | None = None
    ) -> None:
        self._settings = settings
        self._slugs = slugs
        self._sandbox = sandbox or Sandbox()
        self._host = host or Host(settings.cache)
        self._dependencies = Shelf("dependencies", settings.layers)
        self._apps = Shelf("app", settings.slugs)

    def build(self, source: Source, progress: Progress) -> Slug:
        """The slug of that source; one made before is used again. A failure leaves nothing half-made."""
        with disk_full_is_said(self._settings.home), self._cleaner_kept_out():
            said = declared.read(source.tree)
            languages = recognise.languages(source.tree, said.process_types, self._host, self._settings.components)
            digest = _digest(source, languages)
            return self._known(digest, progress) or self._new(digest, source, said, languages, progress)

    def _known(self, digest: str, progress: Progress) -> Slug | None:
        slug = self._slugs.by_digest(digest)
        if slug is None or not all(path.is_dir() for path in (*_places(slug), *map(Path, slug.binds))):
            return None
        progress.step(f"Using slug {digest[:8]} (nothing changed)")
        return slug

    def _new(
        self, digest: str, source: Source, said: Declared, languages: Sequence[Language], progress: Progress
    ) -> Slug:
        started = time.monotonic()
        if self._sandbox.plain:
            progress.line("Note: bubblewrap does not work on this machine; the build runs as plain processes.")
        dependencies = [self._dependency_layer(language, source, progress) for language in languages]
        layers = [layer for layer in dependencies if layer]
        layers.append(self._app_layer(source, languages, layers, progress))
        process_types = recognise.process_types(source.tree, said, languages, progress)
        slug = Slug(
            id=uuid5(NAMESPACE, digest),
            digest=digest,
            layers=tuple(layers),
            process_types=process_types,
            manifest=said.manifest,
            languages=tuple(language.name for language in languages),
            env=_environment(languages),
            binds=tuple(dict.fromkeys(bind for language in languages for bind in language.runtime.binds)),
            required_keys=said.required_keys,
            clients=hints.clients(facts.dependencies(source.tree)),
            commit=source.commit,
            size=sum(map(_size, layers)),
            created_at=datetime.now(UTC),
        )
        saved = self._slugs.save(slug)
        progress.step(f"Slug {digest[:8]}, {saved.size / 1e6:.1f} MB, {time.monotonic() - started:.1f} s")
        return saved

    def _dependency_layer(self, language: Language, source: Source, progress: Progress) -> Layer | None:
        progress.step(language.title)
        language.equip()
        if not language.ingredients:
            return None
        key = layer_key(language)
        found = self._dependencies.find(key)
        if found:
            progress.line("Using the dependencies of an earlier build (nothing they are made from changed)")
            return found
        return self._dependencies.make(key, lambda staging: self._install(language, source, staging, progress))

    def _install(self, language: Language, source: Source, staging: Path, progress: Progress) -> None:
        started = time.monotonic()
        work = staging / WORK
        prepare(source.tree, work, {}, self._sandbox)
        language.install(self._workshop(work, progress, {}))
        for name in language.layer_names(work):
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).rename(staging / name)
        remove_tree(work)
        progress.line(f"Done in {time.monotonic() - started:.1f} s")

    def _app_layer(
        self, source: Source, languages: Sequence[Language], dependencies: Sequence[Layer], progress: Progress
    ) -> Layer:
        producing = [
            language for language in reversed(languages) if language.has_products
        ]  # Django collects what Node built
        over = {name: layer.path / name for layer in dependencies for name in _roots(layer.path)} if producing else {}
        keys = [layer.key for layer in dependencies] if producing else []
        key = _hash({"source": source.digest, "dependencies": keys, "recipe": twelve.__version__ if producing else ""})

        def fill(staging: Path) -> None:
            prepare(source.tree, staging, over, self._sandbox)
            for language in producing:
                language.produce(self._workshop(staging, progress, over))
            clear(staging, over)

        return self._apps.make(key, fill)

    def _workshop(self, tree: Path, progress: Progress, over: Mapping[str, Path]) -> Workshop:
        return Workshop(tree, self._sandbox, self._host, progress, over=over)

    def prune(self, keep: set[str]) -> int:
        """Remove every slug whose digest is not kept, and the layers only they had; gives how many layers.

        Nothing is removed while a build runs: it may be about to use an old layer again.
        """
        with self._alone() as alone:
            if not alone:
                return 0
            known = self._slugs.list()
            self._slugs.remove({slug.digest for slug in known} - keep)
            layers = {layer.key for slug in known if slug.digest in keep for layer in slug.layers}
            return self._dependencies.prune(layers) + self._apps.prune(layers)

    @contextmanager
    def _cleaner_kept_out(self) -> Iterator[None]:
        self._host.cache.mkdir(parents=True, exist_ok=True)
        with _locked(self._settings.slugs, fcntl.LOCK_SH):
            yield

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        with _locked(self._settings.slugs, fcntl.LOCK_EX | fcntl.LOCK_NB) as locked:
            yield locked


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[bool]:
    directory.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _digest(source: Source, languages: Sequence[Language]) -> str:
    """Of everything a slug is made from; the version of twelve is part of it, because twelve reads the codebase."""
    made = [[language.name, layer_key(language), dict(language.runtime.env)] for language in languages]
    return _hash({"source": source.digest, "languages": made, "twelve": twelve.__version__})


def _hash(document: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _environment(languages: Sequence[Language]) -> dict[str, str]:
    path = [entry for language in languages for entry in language.runtime.path]
    env = {key: value for language in languages for key, value in language.runtime.env.items()}
    return {**env, "PATH": ":".join(path)} if path else env


def _roots(layer: Path, prefix: str = "") -> Iterator[str]:
    """The directories a dependency layer consists of, as relative names: the first ones below which all is theirs."""
    for entry in os.scandir(layer / prefix):
        name = f"{prefix}{entry.name}"
        if entry.name in recognise.OWNED:
            yield name
        elif entry.is_dir(follow_symlinks=False):
            yield from _roots(layer, f"{name}/")


def _places(slug: Slug) -> list[Path]:
    return [layer.path for layer in slug.layers]


def _size(layer: Layer) -> int:
    return sum(entry.stat(follow_symlinks=False).st_size for entry in files_below(layer.path))
