"""Which manifests are those of a library: it leaves versions and runtime to the app that uses it."""

from twelve.audit.codebase import Codebase
from twelve.audit.facts import start
from twelve.audit.facts.locks import Manifest


def is_library(code: Codebase, one: Manifest) -> bool:
    """A library leaves the choice to the app that uses it; what only tests and builds need is no part of a release."""
    if all(wanted.dev for wanted in one.dependencies):
        return True
    file = code.get(one.path)
    if file is None or not one.path.endswith(("pyproject.toml", "package.json")):
        return False
    if "/" not in one.path and code.fact(start.starts):
        return False
    return any(word in file.text for word in ("[build-system]", '"exports"', '"peerDependencies"'))
