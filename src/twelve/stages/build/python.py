"""Python: whichever lock there is, installed by uv into the app's environment; Django's static files are collected."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from twelve.stages.build import pipfile_lock, poetry_lock, python_project, python_version, wheels
from twelve.stages.build.environment import VENV, Environment, python, venv
from twelve.stages.build.interpreters import Interpreter
from twelve.stages.build.python_errors import explain
from twelve.stages.build.python_project import Project
from twelve.stages.build.python_version import Wanted
from twelve.stages.build.requirements import Locked
from twelve.stages.build.workshop import Host, Workshop

CONVERTED = ".twelve-requirements.txt"
LIKE_PIP = ("--index-strategy", "unsafe-best-match")  # several indexes count as one; in a lock the hashes decide


class Python:
    name = "python"
    process_types: Mapping[str, str] = {}

    def __init__(self, project: Project, interpreter: Interpreter, reason: str, host: Host) -> None:
        self._project = project
        self._interpreter = interpreter
        self._reason = reason
        self._environment = Environment(interpreter, host, lambda tail, app: explain(tail, project, app))
        self.runtime = self._environment.runtime

    @property
    def title(self) -> str:
        source = f", dependencies from {self._project.file}" if self._project.file else ""
        return f"Python {self._interpreter.version}{self._reason}{source}"

    @property
    def ingredients(self) -> Mapping[str, str]:
        return {**self._environment.ingredients, **self._project.inputs}

    def equip(self) -> None:
        """The interpreter is there: it was chosen from what is."""

    def layer_names(self, tree: Path) -> Sequence[str]:  # noqa: ARG002 - it is always the same one
        return (VENV,)

    def install(self, shop: Workshop) -> None:
        shop = self._environment.make(shop)
        if self._project.file:
            self._dependencies(shop)
            self._environment.finish(shop)

    def _dependencies(self, shop: Workshop) -> None:
        if self._project.file != "uv.lock":  # uv's own users never had one
            self._environment.seed(shop)
        match self._project.file:
            case "uv.lock":
                self._environment.uv(shop, "sync", "--frozen", "--no-default-groups", "--python", python(shop))
            case "poetry.lock":
                version = self._interpreter.version
                self._locked(shop, poetry_lock.read(self._project.lock, self._project.pyproject, version))
                if self._project.package:
                    self._environment.pip(shop, "--no-deps", "--editable", ".")
            case "Pipfile.lock":
                self._locked(shop, pipfile_lock.read(self._project.lock))
            case "requirements.txt":
                self._environment.pip(shop, *LIKE_PIP, "--requirements", "requirements.txt")
            case file:
                what = ("--editable", ".") if self._project.package else ("--requirements", file)
                self._environment.pip(shop, *what)

    def _locked(self, shop: Workshop, locked: Locked) -> None:
        (shop.tree / CONVERTED).write_text(locked.text())
        checked = ("--require-hashes",) if locked.hashed else ()
        self._environment.pip(shop, "--no-deps", *checked, *LIKE_PIP, "--requirements", CONVERTED)

    @property
    def has_products(self) -> bool:
        return _collects(self._project.tree)

    def produce(self, shop: Workshop) -> None:
        """Django's static files, as Heroku does; what fails for want of config fails again where it can be seen."""
        if not any(shop.over[VENV].glob("lib/python*/site-packages/django")):
            return
        shop.progress.step("Collecting static files")
        argv = [python(shop), "manage.py", "collectstatic", "--noinput"]
        env = {**self.runtime.env, "PYTHONDONTWRITEBYTECODE": "1"}
        shop = shop.seeing(self._interpreter.prefix)
        status, _ = shop.attempt(argv, env=env, path=(f"{venv(shop)}/bin",))
        if status != 0:
            shop.progress.line(
                "Note: collectstatic failed, perhaps because it needs config, which a build does not have."
            )


def detect(tree: Path, host: Host) -> Python | None:
    project = python_project.read(tree)
    if project is None:
        return None
    want = python_version.wanted(tree, project.pyproject, project.lock, project.file)
    interpreter = python_version.choose(want, wheels.compiled_by(project))
    return Python(project, interpreter, _reason(want, interpreter, project), host)


def _reason(want: Wanted | None, interpreter: Interpreter, project: Project) -> str:
    if want is None:
        return ""
    usual = python_version.choose(want)
    return f" from {want.where.file}" if interpreter == usual else f" for its wheels in {project.file}"


def _collects(tree: Path) -> bool:
    """Whether this is a Django project that says where its static files go."""
    if not (tree / "manage.py").is_file():
        return False
    places = [*tree.glob("**/settings.py"), *tree.glob("**/settings/*.py"), *tree.glob("**/*settings*.py")]
    return any(re.search(r"^\s*STATIC_ROOT\s*[:=]", path.read_text(errors="replace"), re.MULTILINE) for path in places)
