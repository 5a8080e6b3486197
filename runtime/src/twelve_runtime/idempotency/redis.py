"""Leases in Redis or Valkey: read, decide, and swap only when nothing has changed meanwhile.

One server (or a primary with replicas): a failover that loses acknowledged writes loses keys, as it loses any data.
"""

import json
from collections.abc import Callable
from typing import Any, cast

from twelve_runtime.idempotency import machine
from twelve_runtime.idempotency.machine import Crashed, Done, Record, Running, Take, Verdict

# KEYS: the key, the counter of tokens. ARGV: what was read ("" for nothing), what to put ("" to delete, a token goes in
# front), for how many milliseconds (0: for ever), the token (0: the next). Gives the token, or 0: somebody was faster.
SWAP = """
local now = redis.call('get', KEYS[1]) or ''
if now ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('del', KEYS[1]) return tonumber(ARGV[4]) end
local token = ARGV[4]
if token == '0' then token = tostring(redis.call('incr', KEYS[2])) end
local value = token .. ' ' .. ARGV[2]
if ARGV[3] == '0' then redis.call('set', KEYS[1], value) else redis.call('set', KEYS[1], value, 'px', ARGV[3]) end
return tonumber(token)
"""

Change = Callable[[Running, float], tuple[bytes, float]]


class RedisStore:
    """`client` is a redis.Redis or a valkey.Valkey; every key begins with `prefix`."""

    def __init__(self, client: Any, prefix: str = "idempotency:") -> None:
        self._client = client
        self._prefix = prefix
        self._swap_script = client.register_script(SWAP)

    def claim(self, key: str, fingerprint: str, lease: float, crashed: Crashed) -> tuple[Verdict, int]:
        while True:
            raw, record, now = self._look(key)
            verdict = machine.claim(record, fingerprint, now, crashed)
            if not isinstance(verdict, Take):
                return verdict, 0
            if token := self._swap(key, raw, _running(fingerprint, now + lease)):
                return verdict, token

    def renew(self, key: str, token: int, lease: float) -> bool:
        return self._change(key, token, lambda record, now: (_running(record.fingerprint, now + lease), 0.0))

    def finish(self, key: str, token: int, answer: bytes, expires: float) -> bool:
        def done(record: Running, now: float) -> tuple[bytes, float]:
            return _done(record.fingerprint, now + expires, answer), expires

        return self._change(key, token, done) or machine.finished(self.read(key), token)

    def release(self, key: str, token: int) -> bool:
        return self._change(key, token, lambda _record, _now: (b"", 0.0))

    def read(self, key: str) -> Record:
        return self._look(key)[1]

    def uncertain(self, most: int) -> list[str]:
        found: list[str] = []
        for name in self._client.scan_iter(match=f"{self._prefix}*", count=1000):
            key = name.decode().removeprefix(self._prefix)
            if key:
                _, record, now = self._look(key)
                found += [key] if machine.uncertain(record, now) else []
            if len(found) >= most:
                break
        return found

    def resolve(self, key: str, answer: bytes | None, expires: float) -> bool:
        _, record, now = self._look(key)
        if record is None or not machine.uncertain(record, now):
            return False
        return self.release(key, record.token) if answer is None else self.finish(key, record.token, answer, expires)

    def _change(self, key: str, token: int, change: Change) -> bool:
        while True:
            raw, record, now = self._look(key)
            if not isinstance(record, Running) or not machine.held(record, token):
                return False
            value, seconds = change(record, now)
            if self._swap(key, raw, value, seconds, token):
                return True

    def _look(self, key: str) -> tuple[bytes, Record, float]:
        with self._client.pipeline(transaction=False) as pipeline:
            raw, (seconds, micros) = pipeline.get(self._prefix + key).time().execute()
        if isinstance(raw, str):
            raise TypeError("The Redis client must not decode answers: leave decode_responses off.")
        return raw or b"", _record(raw), seconds + micros / 1_000_000

    def _swap(self, key: str, before: bytes, value: bytes, seconds: float = 0.0, token: int = 0) -> int:
        names = [self._prefix + key, self._prefix]  # no key is empty, so the counter is nobody else's
        milliseconds = max(1, round(seconds * 1000)) if seconds else 0
        return cast("int", self._swap_script(keys=names, args=[before, value, milliseconds, token]))


def _running(fingerprint: str, until: float) -> bytes:
    return json.dumps([fingerprint, until, None]).encode() + b"\n"


def _done(fingerprint: str, expires: float, answer: bytes) -> bytes:
    return json.dumps([fingerprint, None, expires]).encode() + b"\n" + answer


def _record(raw: bytes | None) -> Record:
    if not raw:
        return None
    token, _, rest = raw.partition(b" ")
    head, _, answer = rest.partition(b"\n")
    fingerprint, until, expires = json.loads(head)
    if until is not None:
        return Running(int(token), fingerprint, until)
    return Done(int(token), fingerprint, answer, expires)
