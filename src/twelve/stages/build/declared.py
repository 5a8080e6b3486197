"""What a codebase declares about itself: Procfile, app.json, and the keys .env.example and app.json ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from twelve.core.formats import app_json, env_example, procfile, text
from twelve.core.formats.text import Diagnostic
from twelve.core.model import AppManifest


@dataclass(frozen=True, slots=True)
class Declared:
    """`process_types` is None without a Procfile. `notices` are the warnings of the files."""

    process_types: Mapping[str, str] | None
    manifest: AppManifest
    required_keys: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()


def read(tree: Path) -> Declared:
    """Raises BadProcfile or BadManifest with the place and, for a Procfile, a caret below it."""
    notices: list[str] = []
    types = None
    if (data := _content(tree / "Procfile")) is not None:
        types, notes = procfile.load(data)
        notices += _warnings("Procfile", notes)
    manifest = AppManifest()
    if (data := _content(tree / "app.json")) is not None:
        manifest, notes = app_json.load(data)
        notices += _warnings("app.json", notes)
    example = env_example.parse(_content(tree / ".env.example") or b"")
    return Declared(types, manifest, _required(manifest, example), tuple(notices))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _warnings(file: str, notes: list[Diagnostic]) -> list[str]:
    return [text.describe(file, note) for note in notes]


def _required(manifest: AppManifest, example: Mapping[str, int]) -> dict[str, str]:
    """Key -> where it is asked for; not those to which app.json gives a value or a generator, or calls optional."""
    given = {wish.key for wish in manifest.env if wish.value is not None or wish.generator or not wish.required}
    asked = {wish.key: "app.json" for wish in manifest.env if wish.key not in given}
    return asked | {key: f".env.example:{line}" for key, line in example.items() if key not in given}
