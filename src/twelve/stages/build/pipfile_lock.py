"""Pipfile.lock -> what to install. Its markers go along as they are: uv judges them."""

from collections.abc import Mapping
from typing import Any

from twelve.core.errors import BadManifest, Where
from twelve.stages.build.requirements import Locked, Pin, beside_pypi

VCS = ("git", "hg", "svn", "bzr")


def read(lock: Mapping[str, Any], file: str = "Pipfile.lock") -> Locked:
    """The default section; develop packages are not installed."""
    packages = lock.get("default")
    if not isinstance(packages, dict):
        raise BadManifest('Pipfile.lock has no "default" section.', where=Where(file), hint="Run `pipenv lock`.")
    sources = lock.get("_meta", {}).get("sources", [])
    pins = tuple(_pin(name, entry, file) for name, entry in sorted(packages.items()))
    return Locked(pins, beside_pypi(str(source.get("url", "")) for source in sources))


def _pin(name: str, entry: Any, file: str) -> Pin:
    if not isinstance(entry, dict):
        raise BadManifest(f'"{name}" has no exact version.', where=Where(file), hint="Run `pipenv lock`.")
    extras = f"[{','.join(entry['extras'])}]" if entry.get("extras") else ""
    marker = str(entry.get("markers", ""))
    for vcs in VCS:
        if vcs in entry:
            reference = f" @ {vcs}+{entry[vcs]}@{entry.get('ref', 'HEAD')}"
            folder = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
            return Pin(name + extras, reference + folder, marker=marker)
    if "path" in entry:
        return Pin("", f"{'-e ' if entry.get('editable') else ''}{entry['path']}{extras}", marker=marker)
    if "file" in entry:
        return Pin(name + extras, f" @ {entry['file']}", tuple(entry.get("hashes", ())), marker)
    version = str(entry.get("version", ""))
    if not version.startswith("=="):
        raise BadManifest(f'"{name}" has no exact version.', where=Where(file), hint="Run `pipenv lock`.")
    return Pin(name + extras, version, tuple(entry.get("hashes", ())), marker)
