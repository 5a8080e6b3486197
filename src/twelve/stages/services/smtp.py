"""A mail server for apps that catches every mail and delivers none. It runs inside the platform's own process."""

import asyncio
import hmac
import logging
import secrets
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from twelve.core.errors import ServiceUnreachable, TwelveError
from twelve.core.model import ConfigVars, Resource
from twelve.core.ports import PlatformProcess
from twelve.infra.ports import Ports
from twelve.infra.settings import Settings
from twelve.stages.services.mails import Mail, Mails

log = logging.getLogger(__name__)

MAX_BYTES = 25 << 20


class SmtpProvider:
    """Details: `user`, `password`."""

    name = "smtp"
    default_attachment = "SMTP"

    def __init__(self, settings: Settings, mails: Mails) -> None:
        self._ports = Ports(settings.data / "ports.json")
        self._mails = mails
        self._passwords: dict[str, str] = {}
        self._lock = threading.RLock()
        self._controller: Any = None

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        with self._lock:
            self._passwords |= {each["user"]: each["password"] for each in details}
            if self._passwords and self._controller is None:
                self._start()

    def stop(self) -> None:
        with self._lock:
            controller, self._controller = self._controller, None
            if controller is not None:
                controller.stop()

    def release(self) -> None:
        """It lives in this process, and ends with it."""
        self.stop()

    def create(self, resource: str) -> ConfigVars:
        details = {"user": f"{resource}-{secrets.token_hex(3)}", "password": secrets.token_urlsafe(32)}
        self.ensure_running([details])
        return ConfigVars(details)

    def destroy(self, details: Mapping[str, str]) -> None:
        """The account with its mails; the server too when it was the last one."""
        with self._lock:
            self._passwords.pop(details["user"], None)
            if not self._passwords:
                self.stop()
        self._mails.forget(details["user"])

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        """The URL, and its parts for the many libraries that take no URL."""
        user, password, port = details["user"], details["password"], str(self._ports.current(self.name))
        return {
            f"{attachment}_URL": f"smtp://{user}:{password}@127.0.0.1:{port}",
            f"{attachment}_HOST": "127.0.0.1",
            f"{attachment}_PORT": port,
            f"{attachment}_USER": user,
            f"{attachment}_PASSWORD": password,
        }

    def keys(self, attachment: str) -> frozenset[str]:
        return frozenset(f"{attachment}_{part}" for part in ("URL", "HOST", "PORT", "USER", "PASSWORD"))

    def mails(self, resource: Resource) -> list[Mail]:
        return self._mails.of(resource.details["user"])

    def version(self) -> str:
        from aiosmtpd import __version__  # noqa: PLC0415 - needed only where mail is

        return f"aiosmtpd {__version__}"

    def processes(self) -> list[PlatformProcess]:
        """It has none of its own."""
        return []

    def _start(self) -> None:
        from aiosmtpd.controller import Controller  # noqa: PLC0415 - needed only where mail is

        controller = Controller(
            _Catcher(self._mails),
            hostname="127.0.0.1",
            port=self._ports.free(self.name),
            authenticator=self._authenticate,
            auth_require_tls=False,  # it never leaves this machine
            data_size_limit=MAX_BYTES,
            server_hostname="localhost",
            ident="twelve",
        )
        try:
            controller.start()
        except OSError as error:
            raise ServiceUnreachable(f"The mail server could not be started: {error.strerror}.") from error
        self._controller = controller

    def _authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> Any:
        del server, session, envelope, mechanism
        from aiosmtpd.smtp import AuthResult  # noqa: PLC0415 - needed only where mail is

        user = login.login.decode(errors="replace")
        known = self._passwords.get(user, "")
        right = bool(known) and hmac.compare_digest(known.encode(), login.password)
        return AuthResult(success=right, handled=False, auth_data=user if right else None)


class _Catcher:
    """aiosmtpd calls these in its own loop and thread."""

    def __init__(self, mails: Mails) -> None:
        self._mails = mails

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        del server
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        del server
        mail = (session.auth_data, envelope.mail_from or "", envelope.rcpt_tos, envelope.content)
        try:
            await asyncio.to_thread(self._mails.keep, *mail)
        except TwelveError as error:
            log.warning("a mail of %s could not be kept: %s", session.auth_data, error)
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Kept; nothing is delivered from here"
