"""Sessions in Redis or Valkey, which expires them itself."""

from typing import Any


class RedisStore:
    """`client` is a redis.Redis or a valkey.Valkey; every key begins with `prefix`."""

    def __init__(self, client: Any, prefix: str = "session:") -> None:
        self._client = client
        self._prefix = prefix

    def load(self, name: str) -> bytes | None:
        found: bytes | str | None = self._client.get(self._prefix + name)
        return found.encode() if isinstance(found, str) else found

    def create(self, name: str, data: bytes, seconds: float) -> None:
        self._client.set(self._prefix + name, data, px=_milliseconds(seconds))

    def update(self, name: str, data: bytes, seconds: float) -> bool:
        return bool(self._client.set(self._prefix + name, data, px=_milliseconds(seconds), xx=True))

    def delete(self, name: str) -> bool:
        return bool(self._client.delete(self._prefix + name))


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
