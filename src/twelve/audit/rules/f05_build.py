"""Factor V, the build stage: it knows no deploy and touches no resource; and what is deployed has a name of its own."""

import re
from collections.abc import Iterator
from typing import Any

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import manifests, start, yamls
from twelve.audit.facts.dockerfile import Instruction, contributing, line_of, parse, production_files, run_commands
from twelve.audit.facts.runtimes import split_image
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.audit.rules.f12_admin import MIGRATE, SEED

RULES = Rulebook()
# Scripts that builders run while they build.
HOOKS = ("bin/pre_compile", "bin/post_compile", "hooks/pre_compile", "hooks/post_compile", ".platform/hooks/prebuild/*",
         "bin/build", "build.sh", "bin/render-build.sh", "render-build.sh")  # fmt: skip
NPM_HOOKS = ("preinstall", "install", "postinstall", "heroku-prebuild", "heroku-postbuild", "gcp-build", "vercel-build",
             "prebuild", "build", "postbuild")  # fmt: skip
_DATABASE = re.compile(r"^(?:psql|mysql|mongo|mongosh|redis-cli|createdb|dropdb|pg_restore)\s")
_BAKED = re.compile(
    r"(?:NEXT_PUBLIC|REACT_APP|VITE|NUXT_PUBLIC|GATSBY|VUE_APP|PUBLIC|EXPO_PUBLIC)_\w+|\w*(?:API|BASE|SITE|APP|SERVER|BACKEND|"
    r"STATIC|MEDIA|DATABASE|REDIS|AUTH)_?(?:URL|HOST|DOMAIN|ENDPOINT)|(?:RAILS|NODE|APP|DJANGO|FLASK|DEPLOY|SENTRY)_?ENV(?:IRONMENT)?"
)
_STAGE_NAMES = {"", "production", "prod"}  # a build for production only is the same for every deploy
_OURS = re.compile(r"(^|/)(docker-)?(compose|stack)[^/]{0,60}(prod|production|deploy)[^/]{0,60}\.ya?ml$")


@RULES.of_code(
    "TF05-build-touches-resources",
    WARNING,
    "The build changes the database of a deploy.",
    fix="Migrate in the release phase, when the build is done and the config is there: `release:` in the Procfile.",
    why="The build stage converts a code repo into an executable bundle; only a release has the deploy's config.",
    verdict=Verdict.FAIL,
    bad={"bin/post_compile": "#!/bin/sh\npython manage.py migrate --noinput\n"},
    good={"bin/post_compile": "#!/bin/sh\npython manage.py collectstatic --noinput\n"},
)
def build_migrates(code: Codebase) -> Iterator[Hit]:
    for path, line, text in _build_commands(code):
        if MIGRATE.search(text) or SEED.search(text) or _DATABASE.search(text):
            yield Hit(path, line, f"`{text[:100]}` is run while the app is built.")


def _build_commands(code: Codebase) -> Iterator[tuple[str, int | None, str]]:
    """(path, line, command) of everything that a builder runs."""
    for file in code.find(*HOOKS, kinds=(Kind.PRODUCTION, Kind.BUILD)):
        if "/" in file.path or file.name in HOOKS:
            lines = enumerate(file.lines, start=1)
            yield from ((file.path, number, text.strip()) for number, text in lines if _is_command(text))
    package = code.fact(manifests.package_json)
    for name in NPM_HOOKS if package else ():
        if package and (text := package.scripts.get(name)):
            yield package.path, package.line_of(name), text
    for file, run in _runs(code):
        yield from ((file.path, line_of(code, run, text), text) for text in run_commands(run))
    yield from _render_builds(code)


def _is_command(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith(("#", "echo ", "printf "))


def _runs(code: Codebase) -> Iterator[tuple[SourceFile, Instruction]]:
    for file in production_files(code):
        for stage in contributing(parse(file)):
            yield from ((file, run) for run in stage.of("RUN"))


def _render_builds(code: Codebase) -> Iterator[tuple[str, int | None, str]]:
    file = code.get("render.yaml")
    for document in yamls.documents(file) if file else []:
        services = document.get("services") if isinstance(document, yamls.Map) else None
        for service in services if isinstance(services, yamls.Seq) else []:
            if isinstance(service, yamls.Map) and isinstance(text := service.get("buildCommand"), str):
                yield "render.yaml", service.lines["buildCommand"], text


@RULES.of_code(
    "TF05-build-needs-config",
    WARNING,
    "The build needs the config of one deploy, so each deploy needs a build of its own.",
    fix="Read it at run time from the environment, or give the build one value that is right everywhere.",
    why="Config varies substantially across deploys, code does not; a release combines one build with each config.",
    bad={"Dockerfile": "FROM node:24\nARG VITE_API_URL\nENV VITE_API_URL=$VITE_API_URL\nCMD node a\n"},
    good={"Dockerfile": "FROM node:24\nARG GIT_SHA\nLABEL revision=$GIT_SHA\nCMD node a\n"},
)
def build_needs_config(code: Codebase) -> Iterator[Hit]:
    for file in production_files(code):
        for stage in contributing(parse(file)):
            rest = "\n".join(f"{one.keyword} {one.value}" for one in stage.instructions)
            for argument in stage.of("ARG"):
                name, _, default = argument.value.partition("=")
                if _is_baked(name.strip(), default.strip("\"' "), rest):
                    told = f"The build argument {name.strip()} has no default: what it says is baked into the image."
                    yield Hit(file.path, argument.line, told)


def _is_baked(name: str, default: str, rest: str) -> bool:
    has_default = default not in _STAGE_NAMES or bool(default) or bool(re.search(rf"\${{{name}:?[-+]", rest))
    is_used = bool(re.search(rf"^ENV\s[^\n]*\${{?{name}\b|^RUN\s[^\n]*\${{?{name}\b", rest, re.MULTILINE))
    return (
        not has_default
        and len(name) <= 80
        and bool(_BAKED.fullmatch(name))
        and (is_used or name.startswith(("NEXT_", "VITE_", "REACT_")))
    )


@RULES.of_code(
    "TF05-mutable-tag",
    WARNING,
    "A deploy names an image that may be another one tomorrow.",
    fix="Deploy an image by its version or digest: shop:v42, shop@sha256:...",
    why="Every release should always have a unique release ID.",
    bad={"k8s/web.yaml": "kind: Pod\nspec:\n  containers:\n  - image: shop:latest\n"},
    good={"k8s/web.yaml": "kind: Pod\nspec:\n  containers:\n  - image: shop:v42\n"},
)
def tag_is_mutable(code: Codebase) -> Iterator[Hit]:
    for path, line, image, hit in _deployed_images(code):
        if is_mutable(image):
            verdict, severity = hit
            yield Hit(path, line, f"{image} is whatever was pushed last.", severity=severity, verdict=verdict)


def is_mutable(image: str) -> bool:
    if not image or "@" in image or any(mark in image for mark in "${<"):
        return False
    return split_image(image)[1] in {"", "latest", "stable", "main", "master", "edge", "production", "prod"}


Meaning = tuple[Verdict, Any]


def _deployed_images(code: Codebase) -> Iterator[tuple[str, int | None, str, Meaning]]:
    """(path, line, image, what it means): manifests of a cluster, lists of tasks, Compose files for production."""
    for file in code.written_in("yaml", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
        if b"image:" in file.data:
            yield from _of_yaml(file)
    for file in code.find("Dockerrun.aws.json", "*task*def*.json", "imagedefinitions.json"):
        # Another way to start what the Procfile or the Dockerfile starts is a sample.
        verdict = Verdict.PASS if code.fact(start.starts) else Verdict.PARTIAL
        for line, match in file.search(r'"(?:Name|image|Image|imageUri)"\s*:\s*"([^"\s]+)"'):
            if "/" in match[1] or ":" in match[1]:
                yield file.path, line, match[1], (verdict, WARNING)


def _of_yaml(file: SourceFile) -> Iterator[tuple[str, int | None, str, Meaning]]:
    for document in yamls.documents(file):
        if not isinstance(document, yamls.Map):
            continue
        services = document.get("services")
        if "kind" in document and "spec" in document:
            found = [one for one in start.containers([document]) if isinstance(one.get("image"), str)]
            meaning: Meaning = (Verdict.PARTIAL, WARNING)
        elif isinstance(services, yamls.Map):
            every = [one for one in services.values() if isinstance(one, yamls.Map)]
            found = [one for one in every if isinstance(one.get("image"), str) and "build" not in one]
            for_production = _OURS.search(file.path)
            meaning = (Verdict.PARTIAL, WARNING) if for_production else (Verdict.PASS, INFO)
        else:
            continue
        yield from ((file.path, one.lines["image"], one["image"], meaning) for one in found if "image" in one.lines)


@RULES.of_code(
    "TF05-no-ignore-file",
    INFO,
    "The image gets everything that lies in the directory, also what only this machine has.",
    fix="Write a .dockerignore: .git, .env, node_modules, what is built.",
    why="A build is made of one commit, not of what happens to lie beside it.",
    bad={"Dockerfile": "FROM python:3.13\nCOPY . /app\nCMD gunicorn a:b\n"},
    good={"Dockerfile": "FROM python:3.13\nCOPY . /app\nCMD gunicorn a:b\n", ".dockerignore": ".git\n.env\n"},
)
def nothing_is_ignored(code: Codebase) -> Iterator[Hit]:
    for file in production_files(code):
        directory = file.path.rpartition("/")[0]
        beside = (".dockerignore", f"{file.path}.dockerignore", f"{directory}/.dockerignore", ".containerignore")
        if any(name in code.files for name in beside):
            continue
        for stage in contributing(parse(file)):
            copied = next((one for one in stage.instructions if _copies_all(one)), None)
            if copied is not None:
                yield Hit(file.path, copied.line, f"`{copied.keyword} {copied.value}` has no .dockerignore beside it.")
                break


def _copies_all(one: Instruction) -> bool:
    words = one.argv or [word for word in one.value.split() if not word.startswith("--")]
    return one.keyword in {"COPY", "ADD"} and "--from" not in one.value and words[:1] in (["."], ["./"])
