"""A range that twelve chooses from, in words."""

from collections.abc import Mapping


def autoscaled(wish: Mapping[str, int | None] | None) -> str:
    """Of the API's object, as `scale` and `ps` show it."""
    if wish is None:
        return ""
    target = f"p95 {wish['p95_ms']} ms" if wish["queue"] is None else f"queue {wish['queue']}"
    return f"{wish['min']}..{wish['max']} by {target}"
