"""Factor VI: what belongs to a visitor is in a backing service, so that any process may answer the next request."""

import json
import time
from collections.abc import Sequence
from typing import Any, Literal, TypeVar

from twelve_runtime.sessions.session import Session, pack, unpack
from twelve_runtime.sessions.signing import Signer, stored_name
from twelve_runtime.sessions.store import Store

DAY = 86400.0
IDENTITIES = ("user", "user_id", "_user_id", "account", "account_id")
UNTOUCHED = 0.05  # of the idle time: so long a session that is only read is not written again

Cookie = Literal["set", "clear", "leave"]
S = TypeVar("S", bound=Session)


class Sessions:
    """`keys`: one secret, or several with the signing one first. A session ends `idle` seconds after its last request
    and `longest` seconds after it began. When one of `identities` changes, the session gets a new id by itself.
    """

    def __init__(
        self,
        store: Store,
        keys: str | bytes | Sequence[str | bytes],
        *,
        idle: float = 14 * DAY,
        longest: float = 90 * DAY,
        largest: int = 16_384,
        identities: Sequence[str] = IDENTITIES,
    ) -> None:
        self.store = store
        self.signer = Signer([keys] if isinstance(keys, str | bytes) else keys)
        self.idle = idle
        self.longest = longest
        self.largest = largest
        self.identities = identities

    def load(self, session_id: str | None) -> Session:
        """An empty one for an id that is forged, unknown or over. A forged one never reaches the store."""
        if session_id is None or not self.signer.valid(session_id):
            return Session()
        data = self.store.load(stored_name(session_id))
        session = unpack(data, session_id) if data is not None else None
        return Session() if session is None or self.left(session) <= 0 else session

    def save(self, session: Session) -> Cookie:
        """What is to be done with the cookie; "set" goes with `session.id`.

        An empty session is deleted. One that ended meanwhile, by a logout elsewhere, is not revived, and its cookie is
        left alone: another answer may have set a newer one.
        """
        if not session:
            return self.end(session)
        if session.id is None or self._somebody_else(session):
            return self._begin(session)
        if session.rotating:
            return self._begin(session) if self.store.delete(stored_name(session.id)) else "leave"
        if not session.changed() and time.time() - session.saved < UNTOUCHED * self.idle:
            return "leave"
        return (
            "set" if self.store.update(stored_name(session.id), self._packed(session), self.left(session)) else "leave"
        )

    def end(self, session: Session) -> Cookie:
        """A logout: the session is gone for whoever has its id."""
        before, session.id = session.id, None
        session.clear()
        if before is None:
            return "leave"
        self.store.delete(stored_name(before))
        return "clear"

    def left(self, session: Session) -> float:
        return min(self.idle, session.created + self.longest - time.time())

    def _begin(self, session: Session) -> Cookie:
        """Under a new id: who knew the old one knows nothing of this."""
        data, before = self._packed(session), session.id
        session.id = self.signer.new()
        self.store.create(stored_name(session.id), data, self.left(session))
        if before is not None:
            self.store.delete(stored_name(before))
        session.rotating = False
        return "set"

    def _packed(self, session: Session) -> bytes:
        return pack(session, session.created, time.time(), self.largest)

    def _somebody_else(self, session: Session) -> bool:
        """A login: somebody is named who was not before."""
        before: dict[str, Any] = json.loads(session.before)
        return any(session.get(name) not in (None, before.get(name)) for name in self.identities)
