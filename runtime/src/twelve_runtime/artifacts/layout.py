"""Where things are in a store.

blobs/sha256/<64hex>              contents of files, shared by all models and datasets
models/<name>/<n>/manifest.json   written last: from then on the version exists
models/<name>/<n>/deleted.json    not to be taken any more; releases that have it pinned still do
models/<name>/by-key/<key>        which version a training has made
sigs/<64hex>/<keyid>.json         signatures of a manifest
data/<name>/<tree>/manifest.json  a dataset
"""

import re
from collections.abc import Iterator

from twelve_runtime.artifacts.names import hex_of
from twelve_runtime.artifacts.store import Store

BLOBS, MODELS, SIGNATURES, DATA = "blobs/sha256", "models", "sigs", "data"
_MODEL = re.compile(r"models/([a-z0-9][a-z0-9._-]{0,62})/([1-9][0-9]{0,8})/(manifest|deleted)\.json")
_DATA = re.compile(r"data/([a-z0-9][a-z0-9._-]{0,62})/([0-9a-f]{64})/manifest\.json")


def blob(sha256: str) -> str:
    return f"{BLOBS}/{sha256}"


def model(name: str, version: str) -> str:
    return f"{MODELS}/{name}/{version}/manifest.json"


def deleted(name: str, version: str) -> str:
    return f"{MODELS}/{name}/{version}/deleted.json"


def by_key(name: str, key: str) -> str:
    return f"{MODELS}/{name}/by-key/{key}"


def signature(digest: str, key_id: str) -> str:
    return f"{SIGNATURES}/{hex_of(digest)}/{key_id}.json"


def dataset(name: str, tree: str) -> str:
    return f"{DATA}/{name}/{tree}/manifest.json"


def models(store: Store, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Name, version and "manifest" or "deleted" of all that is there, or of one name."""
    for entry in store.list(f"{MODELS}/{name}"):
        if found := _MODEL.fullmatch(entry.path):
            yield found[1], found[2], found[3]


def datasets(store: Store, name: str = "") -> Iterator[tuple[str, str]]:
    for entry in store.list(f"{DATA}/{name}"):
        if found := _DATA.fullmatch(entry.path):
            yield found[1], found[2]
