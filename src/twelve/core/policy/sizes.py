"""The sizes a process can have, by name in any case."""

from twelve.core.errors import UsageError
from twelve.core.model import SIZES

DEFAULT = "standard-1x"


def known_size(name: str) -> str | None:
    """The size's own spelling ("standard-1x"), or None."""
    return name.lower() if name.lower() in SIZES else None


def size_named(name: str | None) -> str:
    """The same for what a person asked for: None is the default, an unknown name an error."""
    size = DEFAULT if name is None else known_size(name)
    if size is None:
        raise UsageError(f'There is no size "{name}".', hint=f"There are {', '.join(SIZES)}.")
    return size


def quota(size: str) -> int:
    """Memory in MiB."""
    return SIZES[size_named(size)]
