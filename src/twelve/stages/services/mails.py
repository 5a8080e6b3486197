"""The mails apps sent while nobody delivers them: kept in the platform's database, the newest of each account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy import delete, insert, select

from twelve.infra.database import Database
from twelve.infra.schema import mails

KEPT = 200  # an account


@dataclass(frozen=True, slots=True)
class Mail:
    """`data` is the message as it was sent, headers and all."""

    id: int
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    created_at: datetime

    @property
    def message(self) -> EmailMessage:
        from email import policy  # noqa: PLC0415 - most servers never show a mail
        from email.parser import BytesParser  # noqa: PLC0415

        return BytesParser(EmailMessage, policy=policy.default).parsebytes(self.data)


class Mails:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, account: str, sender: str, recipients: Sequence[str], data: bytes) -> None:
        values = {"account": account, "sender": sender, "recipients": list(recipients), "data": data}
        own = mails.c.account == account
        newest = select(mails.c.id).where(own).order_by(mails.c.id.desc()).limit(KEPT)
        with self._database.begin() as db:
            db.execute(insert(mails).values(values))
            db.execute(delete(mails).where(own, mails.c.id.not_in(newest)))

    def of(self, account: str) -> list[Mail]:
        """Oldest first."""
        columns = (mails.c.id, mails.c.sender, mails.c.recipients, mails.c.data, mails.c.created_at)
        query = select(*columns).where(mails.c.account == account).order_by(mails.c.id)
        with self._database.begin() as db:
            return [
                Mail(row.id, row.sender, tuple(row.recipients), row.data, row.created_at) for row in db.execute(query)
            ]

    def forget(self, account: str) -> None:
        with self._database.begin() as db:
            db.execute(delete(mails).where(mails.c.account == account))
