"""What the files of hosting platforms say: the command that builds the app, and the one that starts it."""

from collections.abc import Iterator, Mapping
from typing import Any

from twelve.audit.codebase import Codebase, SourceFile
from twelve.audit.facts import yamls
from twelve.audit.facts.manifests import line_of, parsed_json, parsed_toml, table

Told = tuple[str, str, int | None, str]  # process type, path, line, command
# file -> the keys that lead to its command
_BUILT = {
    "railway.json": ("build", "buildCommand"),
    "railway.toml": ("build", "buildCommand"),
    "nixpacks.toml": ("phases", "build", "cmds"),
    "netlify.toml": ("build", "command"),
    "vercel.json": ("buildCommand",),
}
_STARTED = {
    "railway.json": ("deploy", "startCommand"),
    "railway.toml": ("deploy", "startCommand"),
    "nixpacks.toml": ("start", "cmd"),
    "app.yaml": ("entrypoint",),
}
# Where functions are deployed, the platform starts them itself.
_OF_FUNCTIONS = (
    "serverless.y*ml", "vercel.json", "netlify.toml", "zappa_settings.*", ".chalice/config.json", "template.y*ml",
    "samconfig.toml", "wrangler.toml", "wrangler.json*", "host.json", "firebase.json", "amplify.yml",
)  # fmt: skip


def built(code: Codebase) -> Iterator[Told]:
    yield from _of_render(code, "buildCommand")
    yield from _of_files(code, _BUILT)


def started(code: Codebase) -> Iterator[Told]:
    yield from _of_render(code, "startCommand")
    yield from _of_files(code, _STARTED)


def runs_functions(code: Codebase) -> bool:
    return any("/" not in file.path or file.path.startswith(".chalice/") for file in code.find(*_OF_FUNCTIONS))


def _of_files(code: Codebase, places: Mapping[str, tuple[str, ...]]) -> Iterator[Told]:
    for name, keys in places.items():
        if file := code.get(name):
            told = _data(file)
            for key in keys:
                told = table(told).get(key)
            for command in told if isinstance(told, list) else [told]:
                if isinstance(command, str) and command:
                    yield "web", name, line_of(file, command[:40]), command


def _data(file: SourceFile) -> Any:
    if file.language == "yaml":
        return next(iter(yamls.documents(file)), None)
    return parsed_toml(file) if file.language == "toml" else parsed_json(file)


def _of_render(code: Codebase, key: str) -> Iterator[Told]:
    file = code.get("render.yaml")
    for document in yamls.documents(file) if file else []:
        services = document.get("services") if isinstance(document, yamls.Map) else None
        for service in services if isinstance(services, yamls.Seq) else []:
            if isinstance(service, yamls.Map) and isinstance(text := service.get(key), str):
                yield str(service.get("type", "web")), "render.yaml", service.lines[key], text
