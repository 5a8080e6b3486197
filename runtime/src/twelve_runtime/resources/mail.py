"""Mail by SMTP, with the standard library alone. A connection lives for one `session`, as mail is rare.

post = mail.mailer(settings.smtp_url)
post.send(message)
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage

from twelve_runtime.errors import BadUrl, Unreachable
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, is_this_machine, parse
from twelve_runtime.resources._boot import Patience, until_up

PORTS = {"smtp": 25, "smtps": 465}
DOWN = (OSError, smtplib.SMTPServerDisconnected, smtplib.SMTPConnectError)


class Mailer:
    """Any thread may send. TLS from the first byte with smtps://; with smtp:// as soon as the server offers it."""

    def __init__(self, address: Address, timeout: float) -> None:
        self._address = address
        self._timeout = timeout

    def __repr__(self) -> str:
        return f"<Mailer: {self._address.where('SMTP')}>"

    def send(self, *messages: EmailMessage) -> None:
        """In one connection; raises what smtplib raises, such as SMTPRecipientsRefused."""
        with self.session() as smtp:
            for message in messages:
                smtp.send_message(message)

    @contextmanager
    def session(self) -> Iterator[smtplib.SMTP]:
        smtp = self._connected()
        try:
            self._introduce(smtp)
            yield smtp
        finally:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _connected(self) -> smtplib.SMTP:
        host, port = self._address.host, self._address.port or PORTS[self._address.scheme]
        if self._address.scheme == "smtps":
            return smtplib.SMTP_SSL(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return smtplib.SMTP(host, port, timeout=self._timeout)

    def _introduce(self, smtp: smtplib.SMTP) -> None:
        smtp.ehlo_or_helo_if_needed()
        if self._address.scheme == "smtp" and smtp.has_extn("starttls"):
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo()
        elif self._address.scheme == "smtp" and self._address.password and not is_this_machine(self._address.host):
            raise Unreachable(
                f"{self._address.where('SMTP')} offers no TLS, so the password was not sent: use smtps://."
            )
        if self._address.user:
            smtp.login(self._address.user, self._address.password)


def mailer(
    url: str | Secret, *, timeout: float = 10.0, wait: float = 0.0, lifecycle: Lifecycle | None = None
) -> Mailer:
    """Of `smtp://USER:PASSWORD@HOST:PORT` or `smtps://…`. Mail rarely decides whether an app can serve: `wait` is 0."""
    address = parse(url, "SMTP", ("smtp", "smtps"))
    if not address.host:
        raise BadUrl("The URL of SMTP names no host: write smtp://USER:PASSWORD@HOST:PORT.")
    made = Mailer(address, timeout)
    if wait:
        patience = Patience(
            address.where("SMTP"), address, wait, lambda error: isinstance(error, smtplib.SMTPAuthenticationError)
        )
        until_up(patience, lambda: _knock(made), (*DOWN, smtplib.SMTPException), lifecycle)
    return made


def _knock(made: Mailer) -> None:
    with made.session() as smtp:
        smtp.noop()
