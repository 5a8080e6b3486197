"""Factor V, the build stage: it knows no deploy and touches no resource; and what is deployed has a name of its own."""

import re
from collections.abc import Iterator
from typing import Any

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts import hosts, manifests, start, yamls
from twelve.audit.facts.dockerfile import Instruction, contributing, line_of, parse, production_files, run_commands
from twelve.audit.facts.runtimes import split_image
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.audit.rules.f12_admin import MIGRATE, SEED, does_so

RULES = Rulebook()
# Scripts that builders run while they build.
HOOKS = ("bin/pre_compile", "bin/post_compile", "hooks/pre_compile", "hooks/post_compile", ".platform/hooks/prebuild/*",
         "bin/build", "build.sh", "bin/render-build.sh", "render-build.sh")  # fmt: skip
NPM_HOOKS = ("preinstall", "install", "postinstall", "heroku-prebuild", "heroku-postbuild", "gcp-build", "vercel-build",
             "prebuild", "build", "postbuild")  # fmt: skip
_DATABASE = re.compile(r"^(?:psql|mysql|mongo|mongosh|redis-cli|createdb|dropdb|pg_restore)\s")
_BAKED = re.compile(
    r"(?:NEXT_PUBLIC|REACT_APP|VITE|NUXT_PUBLIC|GATSBY|VUE_APP|PUBLIC|EXPO_PUBLIC)_\w+|\w*(?:API|BASE|SITE|APP|SERVER|BACKEND|"
    r"STATIC|MEDIA|DATABASE|REDIS|AUTH)_?(?:URL|HOST|DOMAIN|ENDPOINT)|(?:(?:RAILS|NODE|APP|DJANGO|FLASK|DEPLOY|SENTRY|BUILD|TARGET)_?)?ENV(?:IRONMENT)?|CONFIGURATION"
)
_STAGE_NAMES = {"", "production", "prod"}  # a build for production only is the same for every deploy
_OF_A_DEPLOY = re.compile(r"build:(?:prod|production|stage|staging|uat|qa|preprod)")
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
        if does_so(MIGRATE, text) or does_so(SEED, text) or _DATABASE.search(text):
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
    yield from ((path, line, text) for _, path, line, text in hosts.built(code))


def _is_command(text: str) -> bool:
    return bool(text.strip()) and not text.lstrip().startswith(("#", "echo ", "printf "))


def _runs(code: Codebase) -> Iterator[tuple[SourceFile, Instruction]]:
    for file in production_files(code):
        for stage in contributing(parse(file)):
            yield from ((file, run) for run in stage.of("RUN"))


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
            arguments = ((one.line, word) for one in stage.of("ARG") for word in one.value.split())
            for line, argument in arguments:
                name, _, default = argument.partition("=")
                if _is_baked(name, default.strip("\"'"), rest):
                    told = f"The build argument {name} has no default: what it says is baked into the image."
                    yield Hit(file.path, line, told)
    yield from _built_for_each(code)


def _built_for_each(code: Codebase) -> Iterator[Hit]:
    """`build:staging` beside `build:production`."""
    package = code.fact(manifests.package_json)
    names = [name for name in package.scripts if _OF_A_DEPLOY.fullmatch(name)] if package else []
    if package and len({name.partition(":")[2][:4] for name in names}) > 1:
        told = f"Each deploy has a build of its own: {', '.join(sorted(names))}."
        yield Hit(package.path, package.line_of(names[0]), told)


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
    overlaid = list(_of_overlays(code))
    named = {image for _, _, image, _ in overlaid}
    yield from (
        Hit(path, line, f"{image}:{tag} is whatever was pushed last.")
        for path, line, image, tag in overlaid
        if is_mutable(f"{image}:{tag}")
    )
    for path, line, image, hit in _deployed_images(code):
        if is_mutable(image) and split_image(image)[0] not in named:
            verdict, severity = hit
            yield Hit(path, line, f"{image} is whatever was pushed last.", severity=severity, verdict=verdict)


def is_mutable(image: str) -> bool:
    if not image or "@" in image or any(mark in image for mark in "${<"):
        return False
    return split_image(image)[1] in {"", "latest", "stable", "main", "master", "edge", "production", "prod"}


_IN_A_POD = ("containers", "initContainers")
Meaning = tuple[Verdict, Any]


def _deployed_images(code: Codebase) -> Iterator[tuple[str, int | None, str, Meaning]]:
    """(path, line, image, what it means): manifests of a cluster, lists of tasks, Compose files for production."""
    for file in code.written_in("yaml", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
        if b"image:" in file.data:
            yield from _of_yaml(file)
    for file in code.find("*.nomad", "*.nomad.hcl", "*.tf", kinds=(Kind.PRODUCTION,)):
        for line, match in file.search(r'^[ \t]*+image\s*=\s*"([^"\s$]+:(?:latest|stable|main|master))"'):
            yield file.path, line, match[1], (Verdict.PARTIAL, WARNING)
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
        if "kind" in document and ("spec" in document or "items" in document):
            items = document.get("items")
            found = list(start.containers([document, *(items if isinstance(items, yamls.Seq) else [])], _IN_A_POD))
            meaning: Meaning = (Verdict.PARTIAL, WARNING)
        elif isinstance(services, yamls.Map):
            every = [one for one in services.values() if isinstance(one, yamls.Map)]
            found = [one for one in every if "build" not in one]
            for_production = _OURS.search(file.path)
            meaning = (Verdict.PARTIAL, WARNING) if for_production else (Verdict.PASS, INFO)
        else:
            continue
        named = (one for one in found if isinstance(one.get("image"), str) and "image" in one.lines)
        yield from ((file.path, one.lines["image"], one["image"], meaning) for one in named)


def _of_overlays(code: Codebase) -> Iterator[tuple[str, int, str, str]]:
    """(path, line, image, tag) that kustomize and Helm put into the manifests; a chart without a tag takes its own."""
    for file in code.find("kustomization.y*ml", kinds=(Kind.PRODUCTION,)):
        for one in _maps(file, "images"):
            if isinstance(name := one.get("name"), str) and ("newTag" in one or "digest" in one):
                yield file.path, one.lines.get("newTag", one.line), name, str(one.get("newTag", "digest"))
    for file in code.find("values*.y*ml", kinds=(Kind.PRODUCTION,)):
        directory = file.path.rpartition("/")[0]
        if (f"{directory}/Chart.yaml" if directory else "Chart.yaml") in code.files:
            for one in _maps(file, "image"):
                if isinstance(tag := one.get("tag"), str) and tag and isinstance(one.get("repository"), str):
                    yield file.path, one.lines["tag"], one["repository"], tag


def _maps(file: SourceFile, key: str) -> Iterator[yamls.Map]:
    for document in yamls.documents(file):
        told = document.get(key) if isinstance(document, yamls.Map) else None
        yield from (one for one in (told if isinstance(told, yamls.Seq) else [told]) if isinstance(one, yamls.Map))


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
