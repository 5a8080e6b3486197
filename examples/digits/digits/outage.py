"""`python -m digits.outage begin|end`: takes the file of the served model out of the store, and puts it back.

To see what a broken store does: nothing to processes that run; those that start answer by the rest of the chain.
"""

import os
import sys

from twelve_runtime.artifacts import models
from twelve_runtime.artifacts.store import Store

LARGEST = 64 * 1024 * 1024


def main(words: list[str]) -> None:
    """The file waits beside the others, under a name that nobody looks for."""
    store = Store.open(os.environ["MODEL_STORE_URL"])
    found = models.resolve(store, os.environ["MODEL_VERSION"], os.environ["MODEL_NAME"]).manifest
    place = f"blobs/sha256/{found.files[0].sha256}"
    here, there = (place, f"outage/{found.ref}") if words == ["begin"] else (f"outage/{found.ref}", place)
    store.put(there, store.get(here, LARGEST))
    store.delete(here)
    print(f"{found.ref}: its file is {'gone' if words == ['begin'] else 'back'}")


if __name__ == "__main__":
    main(sys.argv[1:])
