"""What a part says when the packages of its extra are not installed."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def needs(part: str, package: str, extra: str) -> Iterator[None]:
    """Around the imports of a part: an absent package becomes one sentence with the command that helps."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise ImportError(f"twelve_runtime.{part} needs {package}: install twelve-runtime[{extra}]") from missing
