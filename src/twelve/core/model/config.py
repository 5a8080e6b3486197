"""Config vars: the part of an app that differs between deploys. Never interpolated, masked wherever shown."""

from collections.abc import Iterator, Mapping

MASK = "••••••••"


class ConfigVars(Mapping[str, str]):
    """An immutable, ordered mapping of keys to values whose repr never shows a value."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def __getitem__(self, key: str) -> str:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"ConfigVars({', '.join(f'{key}={MASK}' for key in self._values)})"

    def changed(self, updates: Mapping[str, str | None]) -> "ConfigVars":
        """With the updates applied; None removes a key."""
        merged: dict[str, str | None] = {**self._values, **updates}
        return ConfigVars({key: value for key, value in merged.items() if value is not None})

    def masked(self) -> dict[str, str]:
        return dict.fromkeys(self._values, MASK)
