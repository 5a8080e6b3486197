"""Saved changes of a directory, for `up --watch`: told once they are in the codebase and differ from what was sent."""

from collections.abc import Iterator

from twelve.faces.cli.deploy import Codebase, Packed, pack
from twelve.faces.cli.foreground import Ended

QUIET = 300  # milliseconds without a change, until a burst of them counts as one
FIRST_LOOK = 500


def changed_codebases(code: Codebase, digest: str) -> Iterator[Packed]:
    """The codebase each time it is another one. Changes of ignored files are none."""
    from watchfiles import watch

    looked = False  # once also without a change: it may have come before we watched
    try:
        for changes in watch(code.place, step=QUIET, rust_timeout=FIRST_LOOK, yield_on_timeout=True):
            if not changes and looked:
                continue
            looked = True
            latest = pack(code)
            if latest.digest != digest:
                digest = latest.digest
                yield latest
            else:
                latest.file.close()
    except KeyboardInterrupt:  # the watcher turns every signal into this one
        raise Ended(130) from None
