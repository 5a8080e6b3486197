"""Python, by uv: a virtual environment at /app/.venv from whichever lock there is, byte-compiled."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from twelve.infra import components
from twelve.stages.build import pipfile_lock, poetry_lock, python_project, python_version
from twelve.stages.build.interpreters import Interpreter
from twelve.stages.build.language import Runtime
from twelve.stages.build.python_errors import explain
from twelve.stages.build.python_project import Project
from twelve.stages.build.requirements import Locked
from twelve.stages.build.workshop import Host, Workshop

VENV = ".venv"
CONVERTED = ".twelve-requirements.txt"
UV_VERSION = "0.13"  # a patch release installs the same files


class Python:
    name = "python"
    process_types: Mapping[str, str] = {}

    def __init__(self, project: Project, interpreter: Interpreter, reason: str, host: Host) -> None:
        self._project = project
        self._interpreter = interpreter
        self._reason = reason
        self._host = host
        venv = f"/app/{VENV}"
        self.runtime = Runtime((f"{venv}/bin",), {"VIRTUAL_ENV": venv}, interpreter.binds)

    @property
    def title(self) -> str:
        source = f", dependencies from {self._project.file}" if self._project.file else ""
        return f"Python {self._interpreter.version}{self._reason}{source}"

    @property
    def ingredients(self) -> Mapping[str, str]:
        python = {"python": str(self._interpreter.version), "path": os.fspath(self._interpreter.path), "uv": UV_VERSION}
        return {**python, **self._project.inputs}

    def layer_names(self, tree: Path) -> Sequence[str]:  # noqa: ARG002 - it is always the same one
        return (VENV,)

    def install(self, shop: Workshop) -> None:
        shop = shop.seeing(self._interpreter.prefix, components.uv())
        self._uv(
            shop, "venv", "--quiet", "--relocatable", "--python", os.fspath(self._interpreter.path), self._venv(shop)
        )
        self._dependencies(shop)
        if self._project.file:
            self._compile(shop)
        _settle(shop)

    def _dependencies(self, shop: Workshop) -> None:
        match self._project.file:
            case "":
                return
            case "uv.lock":
                self._uv(shop, "sync", "--frozen", "--no-default-groups", "--python", self._python(shop))
            case "poetry.lock":
                version = self._interpreter.version
                self._locked(shop, poetry_lock.read(self._project.lock, self._project.pyproject, version))
                if self._project.package:
                    self._pip(shop, "--no-deps", "--editable", ".")
            case "Pipfile.lock":
                self._locked(shop, pipfile_lock.read(self._project.lock))
            case "requirements.txt":
                self._pip(shop, "--index-strategy", "unsafe-best-match", "--requirements", "requirements.txt")
            case file:
                self._pip(shop, *(("--editable", ".") if self._project.package else ("--requirements", file)))

    def _locked(self, shop: Workshop, locked: Locked) -> None:
        """What pip and poetry do with several indexes is safe here: the hashes decide."""
        (shop.tree / CONVERTED).write_text(locked.text())
        checked = ("--require-hashes",) if locked.hashed else ()
        self._pip(shop, "--no-deps", *checked, "--index-strategy", "unsafe-best-match", "--requirements", CONVERTED)

    def _pip(self, shop: Workshop, *arguments: str) -> None:
        self._uv(shop, "pip", "install", "--python", self._python(shop), *arguments)

    def _uv(self, shop: Workshop, *arguments: str) -> None:
        env = {
            "UV_CACHE_DIR": os.fspath(self._host.cache / "uv"),
            "UV_PROJECT_ENVIRONMENT": self._venv(shop),
            "UV_LINK_MODE": "copy",  # a hard link would share the file with the cache, and an app could change it
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "SETUPTOOLS_SCM_PRETEND_VERSION": "0",  # history is not shipped
        }
        argv = [os.fspath(components.uv()), *arguments]
        network = arguments[0] != "venv"
        shop.run(argv, env=env, network=network, explain=lambda tail: explain(tail, self._project, shop.app))

    def _compile(self, shop: Workshop) -> None:
        """Byte code that neither depends on times nor on where it was made: the slug is read-only when it runs."""
        where = ["-s", shop.app, "-p", "/app"] if shop.sandbox.plain else []
        options = ["-q", "-q", "-j", "0", *where, "--invalidation-mode", "unchecked-hash"]
        # files that are templates or for another Python do not compile, and nobody imports them
        shop.attempt([self._python(shop), "-m", "compileall", *options, f"{self._venv(shop)}/lib"], env={})

    def _venv(self, shop: Workshop) -> str:
        return f"{shop.app}/{VENV}"

    def _python(self, shop: Workshop) -> str:
        return f"{self._venv(shop)}/bin/python"

    @property
    def has_products(self) -> bool:
        return _collects(self._project.tree)

    def produce(self, shop: Workshop) -> None:
        """Django's static files, as Heroku does; what fails for want of config fails again where it can be seen."""
        if not any(shop.over[VENV].glob("lib/python*/site-packages/django")):
            return
        shop.progress.step("Collecting static files")
        argv = [self._python(shop), "manage.py", "collectstatic", "--noinput"]
        env = {**self.runtime.env, "PYTHONDONTWRITEBYTECODE": "1"}
        shop = shop.seeing(self._interpreter.prefix)
        status, _ = shop.attempt(argv, env=env, path=(f"{self._venv(shop)}/bin",))
        if status != 0:
            shop.progress.line(
                "Note: collectstatic failed, perhaps because it needs config, which a build does not have."
            )


def detect(tree: Path, host: Host) -> Python | None:
    project = python_project.read(tree)
    if project is None:
        return None
    want = python_version.wanted(tree, project.pyproject, project.lock, project.file)
    interpreter = python_version.choose(want)
    return Python(project, interpreter, f" from {want.where.file}" if want else "", host)


def _collects(tree: Path) -> bool:
    """Whether this is a Django project that says where its static files go."""
    if not (tree / "manage.py").is_file():
        return False
    places = [*tree.glob("**/settings.py"), *tree.glob("**/settings/*.py"), *tree.glob("**/*settings*.py")]
    return any(re.search(r"^\s*STATIC_ROOT\s*[:=]", path.read_text(errors="replace"), re.MULTILINE) for path in places)


def _settle(shop: Workshop) -> None:
    """Say /app where the environment was made somewhere else, and drop what differs from one making to the next."""
    venv = shop.tree / VENV
    (venv / ".lock").unlink(missing_ok=True)
    if not shop.sandbox.plain:
        return
    for pattern in ("*.pth", "__editable__*.py", "*.dist-info/direct_url.json"):
        for path in venv.glob(f"lib/python*/site-packages/{pattern}"):
            text = path.read_text()
            if shop.app in text:
                path.write_text(text.replace(shop.app, "/app"))
