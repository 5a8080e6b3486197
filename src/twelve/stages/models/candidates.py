"""What trainings have put into an app's store: versions with who published them, and the newest data."""

from collections.abc import Mapping

from twelve_runtime.artifacts import datasets, models
from twelve_runtime.artifacts.store import Store

from twelve.core.errors import BadModel
from twelve.core.model import PublishedVersion
from twelve.stages.models.words import told

NEWEST = 20  # versions that are looked at


def published(name: str, config: Mapping[str, str]) -> list[PublishedVersion]:
    """The newest versions that are not deleted. `config` is the app's: its store, its credentials."""
    with told():
        store = Store.open(config["MODEL_STORE_URL"], config)
        here = [one.version for one in models.versions(store, name) if not one.deleted][:NEWEST]
        found = [models.resolve(store, version, name).manifest for version in here]
    return [
        PublishedVersion(int(one.version), str(one.lineage.get("app", "")), str(one.lineage.get("process", "")))
        for one in found
    ]


def newest_data(name: str, config: Mapping[str, str]) -> str:
    """The tree of the newest version of a dataset."""
    with told():
        found = datasets.versions(Store.open(config["MODEL_STORE_URL"], config), name)
    if not found:
        raise BadModel(
            f"There is no dataset {name} in the app's store.", hint="`twelve datasets push` makes a version."
        )
    return found[0].tree
