"""A virtual environment at /app/.venv, made by uv, byte-compiled, the same each time it is made of the same things."""

import os
from collections.abc import Callable, Mapping

from packaging.version import Version

from twelve.core.errors import BuildError
from twelve.infra import components
from twelve.stages.build.interpreters import Interpreter
from twelve.stages.build.language import Runtime
from twelve.stages.build.workshop import Host, Workshop

VENV = ".venv"
UV_VERSION = "0.13"  # a patch release installs the same files


class Environment:
    """`make`, then any number of `pip` and `uv`, then `finish`. `explain` turns uv's last lines into an error."""

    def __init__(
        self, interpreter: Interpreter, host: Host, explain: Callable[[list[str], str], BuildError] | None = None
    ) -> None:
        self._interpreter = interpreter
        self._host = host
        self._explain = explain
        venv = f"/app/{VENV}"
        self.runtime = Runtime((f"{venv}/bin",), {"VIRTUAL_ENV": venv}, interpreter.binds)

    @property
    def ingredients(self) -> Mapping[str, str]:
        version = str(self._interpreter.version)
        path, seed = os.fspath(self._interpreter.path), setuptools(self._interpreter.version)
        known = {"python": version, "path": path, "uv": UV_VERSION, "seed": seed}
        until = self._host.index_env().get("UV_EXCLUDE_NEWER")  # requirements without a lock mean what they meant then
        return {**known, "until": until} if until else known

    def make(self, shop: Workshop) -> Workshop:
        """The workshop from now on: one that sees the interpreter."""
        shop = shop.seeing(self._interpreter.prefix, components.uv())
        self.uv(shop, "venv", "--quiet", "--relocatable", "--python", os.fspath(self._interpreter.path), venv(shop))
        return shop

    def seed(self, shop: Workshop) -> None:
        """What an environment of an old Python has always held: much code takes pkg_resources for granted."""
        if pin := setuptools(self._interpreter.version):
            self.pip(shop, "--quiet", pin)

    def pip(self, shop: Workshop, *arguments: str) -> None:
        self.uv(shop, "pip", "install", "--python", python(shop), *arguments)

    def uv(self, shop: Workshop, *arguments: str) -> None:
        env = {
            "UV_CACHE_DIR": os.fspath(self._host.cache / "uv"),
            "UV_PROJECT_ENVIRONMENT": venv(shop),
            "UV_LINK_MODE": "copy",  # a hard link would share the file with the cache, and an app could change it
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_SYSTEM_CERTS": "1",  # what this machine trusts, not what uv was built with
            "SETUPTOOLS_SCM_PRETEND_VERSION": "0",  # history is not shipped
        }
        given = self._explain
        explain = (lambda tail: given(tail, shop.app)) if given else None
        argv = [os.fspath(components.uv()), *arguments]
        shop.run(argv, env=env, network=arguments[0] != "venv", explain=explain)

    def finish(self, shop: Workshop) -> None:
        """Byte code that depends neither on times nor on where it was made: the slug is read-only when it runs."""
        where = ["-s", shop.app, "-p", "/app"] if shop.sandbox.plain else []
        options = ["-q", "-q", "-j", "0", *where, "--invalidation-mode", "unchecked-hash"]
        # files that are templates or for another Python do not compile, and nobody imports them
        once = {"PYTHONDONTWRITEBYTECODE": "1"}  # what this very process imports is compiled like the rest
        shop.attempt([python(shop), "-m", "compileall", *options, f"{venv(shop)}/lib"], env=once)
        self.settle(shop)

    def settle(self, shop: Workshop) -> None:
        """Say /app where it was made somewhere else."""
        if not shop.sandbox.plain:
            return
        for pattern in ("*.pth", "__editable__*.py", "*.dist-info/direct_url.json"):
            for path in (shop.tree / VENV).glob(f"lib/python*/site-packages/{pattern}"):
                text = path.read_text()
                if shop.app in text:
                    path.write_text(text.replace(shop.app, "/app"))


def setuptools(python: Version) -> str:
    """The last release with pkg_resources, up to Python 3.11; from 3.12 on no environment comes with one."""
    if python >= Version("3.12"):
        return ""
    return "setuptools==80.9.0" if python >= Version("3.9") else "setuptools==75.3.2"


def venv(shop: Workshop) -> str:
    return f"{shop.app}/{VENV}"


def python(shop: Workshop) -> str:
    return f"{venv(shop)}/bin/python"
