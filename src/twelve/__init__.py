"""twelve: the twelve-factor platform."""

__version__ = "0.1.0"
