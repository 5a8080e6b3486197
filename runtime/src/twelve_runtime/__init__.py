"""What a twelve-factor app in Python asks of its platform."""

from twelve_runtime.lifecycle import Lifecycle

__all__ = ["Lifecycle"]
