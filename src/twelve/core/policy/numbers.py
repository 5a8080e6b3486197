"""Which numbers the processes of a type get: lowest free first, highest removed first. One-offs count from 1000."""

from collections.abc import Collection

HIGHEST = 999
ONE_OFFS = range(1000, 10000)


def to_start(running: Collection[int], quantity: int) -> list[int]:
    """The numbers missing until there are `quantity` processes."""
    free = (number for number in range(1, HIGHEST + 1) if number not in running)
    return [number for number, _ in zip(free, range(quantity - len(running)), strict=False)]


def to_stop(running: Collection[int], quantity: int) -> list[int]:
    """The numbers over `quantity`."""
    return sorted(running, reverse=True)[: max(0, len(running) - quantity)]
