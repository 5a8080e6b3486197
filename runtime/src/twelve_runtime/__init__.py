"""What a twelve-factor app in Python imports: parts that stand alone; nothing is loaded before it is asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from twelve_runtime.lifecycle import Lifecycle

__all__ = ["Lifecycle"]


def __getattr__(name: str) -> Any:
    if name != "Lifecycle":
        raise AttributeError(f"module 'twelve_runtime' has no attribute '{name}'")
    from twelve_runtime.lifecycle import Lifecycle  # noqa: PLC0415 - other parts do without it

    return Lifecycle
