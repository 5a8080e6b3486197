"""Under Django: `SESSION_ENGINE = "twelve_runtime.sessions.django"`, and the sessions as `TWELVE_SESSIONS` in settings.

Django's own middleware, login and logout do the rest: it rotates the key at a login itself.
"""

import time
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured

from twelve_runtime.sessions.session import pack, unpack
from twelve_runtime.sessions.sessions import Sessions
from twelve_runtime.sessions.signing import stored_name


def _sessions() -> Sessions:
    found = getattr(settings, "TWELVE_SESSIONS", None)
    if not isinstance(found, Sessions):
        raise ImproperlyConfigured("TWELVE_SESSIONS in the settings has to be a twelve_runtime.sessions.Sessions.")
    return found


class SessionStore(SessionBase):  # type: ignore[misc] # Django has no types
    """The key is the signed id; when it began is kept beside the values, and ends it whatever the cookie says."""

    began: float | None = None

    def load(self) -> dict[str, Any]:
        data = _sessions().store.load(stored_name(self.session_key))
        found = unpack(data, self.session_key) if data is not None else None
        if found is None or _sessions().left(found) <= 0:
            self._session_key: str | None = None
            return {}
        self.began = found.created
        return dict(found)

    def exists(self, session_key: str) -> bool:
        return _sessions().store.load(stored_name(session_key)) is not None

    def create(self) -> None:
        """Ids are random: none is there already."""
        self._session_key = _sessions().signer.new()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
            return
        values = self._get_session(no_load=must_create)
        began = self.began = self.began or time.time()
        seconds = min(self.get_expiry_age(), began + _sessions().longest - time.time())
        data = pack(values, began, time.time(), _sessions().largest)
        if must_create:
            _sessions().store.create(stored_name(self.session_key), data, seconds)
        elif not _sessions().store.update(stored_name(self.session_key), data, seconds):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        if (key := session_key or self.session_key) is not None:
            _sessions().store.delete(stored_name(key))
        if session_key is None:
            self.began = None

    @classmethod
    def clear_expired(cls) -> None:
        """`manage.py clearsessions`: Redis does it by itself."""
        purge = getattr(_sessions().store, "purge", None)
        if purge is not None:
            purge()

    def _validate_session_key(self, key: str | None) -> bool:
        return _sessions().signer.valid(key)

    def _get_new_session_key(self) -> str:
        return _sessions().signer.new()

    async def _aget_new_session_key(self) -> str:
        return _sessions().signer.new()
