"""Saved changes of a directory, for `up --watch`: told once they are in the codebase and differ from what was sent."""

from collections.abc import Iterator

from twelve.faces.cli.deploy import Codebase, packed
from twelve.faces.cli.foreground import Ended

QUIET = 300  # milliseconds without a change, until a burst of them counts as one


def changed_codebases(code: Codebase, digest: str) -> Iterator[str]:
    """A digest for each state of the directory that is new. Changes of ignored files are none."""
    from watchfiles import watch

    try:
        for _ in watch(code.place, step=QUIET):
            with packed(code) as now:
                latest = now.digest
            if latest != digest:
                digest = latest
                yield digest
    except KeyboardInterrupt:  # the watcher turns every signal into this one
        raise Ended(130) from None
