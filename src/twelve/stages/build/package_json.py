"""package.json as far as a build needs it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twelve.core.errors import BadManifest, Where

INSTALL_SCRIPTS = frozenset({"preinstall", "install", "postinstall"})
BUILD_SCRIPTS = ("heroku-postbuild", "build")


@dataclass(frozen=True, slots=True)
class PackageJson:
    document: Mapping[str, Any]

    def table(self, key: str) -> Mapping[str, str]:
        """A table of texts; anything else in its place counts as empty."""
        value = self.document.get(key)
        return {name: str(text) for name, text in value.items()} if isinstance(value, dict) else {}

    @property
    def name(self) -> str:
        return str(self.document.get("name") or "")

    @property
    def main(self) -> str:
        return str(self.document.get("main") or "")

    @property
    def scripts(self) -> Mapping[str, str]:
        return self.table("scripts")

    @property
    def dependencies(self) -> Mapping[str, str]:
        return self.table("dependencies")

    @property
    def build_script(self) -> str | None:
        return next((name for name in BUILD_SCRIPTS if name in self.scripts), None)

    @property
    def installs(self) -> bool:
        """Whether there is anything to install."""
        tables = (self.dependencies, self.table("devDependencies"), self.table("optionalDependencies"))
        return any(tables) or bool(self.document.get("workspaces"))

    @property
    def node(self) -> str:
        """The versions of Node it accepts, "" for any."""
        return self.table("engines").get("node", "")

    @property
    def package_manager(self) -> str:
        """ "pnpm@9.1.0" without the hash that may follow."""
        return str(self.document.get("packageManager") or "").partition("+")[0]


def read(tree: Path) -> PackageJson | None:
    path = tree / "package.json"
    return PackageJson(load(path)) if path.is_file() else None


def load(path: Path) -> Mapping[str, Any]:
    """A JSON object; BadManifest with the place of what is wrong in it."""
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        where = Where(path.name, getattr(error, "lineno", 0), getattr(error, "colno", 0))
        raise BadManifest(f"{path.name} is not valid JSON: {getattr(error, 'msg', error)}.", where=where) from None
    if not isinstance(document, dict):
        raise BadManifest(f"{path.name} must be a JSON object.", where=Where(path.name, 1))
    return document
