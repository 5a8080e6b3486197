"""A site without a server of its own: a small real one is put beside it, in a dependency layer with exact versions."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from twelve.stages.build import static_site
from twelve.stages.build.environment import VENV, Environment
from twelve.stages.build.interpreters import own
from twelve.stages.build.language import Runtime, file_digest
from twelve.stages.build.workshop import Host, Workshop

ASSETS = Path(static_site.__file__).parent
BUILT = ("dist", "build", "out", "_site", "public")  # where site builders write, the most usual first
PLAIN = (".", "public", "dist")


class Static:
    name = "static"
    has_products = False

    def __init__(self, directories: Sequence[str], host: Host) -> None:
        self._environment = Environment(own(), host)
        self.runtime: Runtime = self._environment.runtime
        places = ", ".join(f"'{name}'" for name in directories)
        server = f'gunicorn --bind 0.0.0.0:$PORT --threads 8 --access-logfile - "twelve_static:site({places})"'
        self.process_types: Mapping[str, str] = {"web": server}

    @property
    def title(self) -> str:
        return "Static site, served by gunicorn and whitenoise"

    @property
    def ingredients(self) -> Mapping[str, str]:
        files = {path.name: file_digest(path) for path in sorted(ASSETS.iterdir()) if path.is_file()}
        return {**self._environment.ingredients, **files}

    def equip(self) -> None:
        """The interpreter is there: it was chosen from what is."""

    def layer_names(self, tree: Path) -> Sequence[str]:  # noqa: ARG002 - it is always the same one
        return (VENV,)

    def install(self, shop: Workshop) -> None:
        shop = self._environment.make(shop)
        (shop.tree / ".twelve-requirements.txt").write_bytes((ASSETS / "requirements.txt").read_bytes())
        self._environment.pip(shop, "--require-hashes", "--requirements", ".twelve-requirements.txt")
        library = next(shop.tree.glob(f"{VENV}/lib/python*/site-packages"))
        (library / "twelve_static.py").write_bytes((ASSETS / "server.py").read_bytes())
        self._environment.finish(shop)

    def produce(self, shop: Workshop) -> None:
        """The site is the source, or what Node has built of it."""


def detect(tree: Path, host: Host, *, built_by_node: bool) -> Static | None:
    """`built_by_node`: the codebase has a build script and nothing that would serve what it makes."""
    if built_by_node:
        return Static(BUILT, host)
    found = [name for name in PLAIN if (tree / name / "index.html").is_file()]
    return Static(found, host) if found else None
