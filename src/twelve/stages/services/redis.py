"""Redis for apps: one small Valkey server a resource, as its users cannot keep apart the keys of two apps."""

import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from twelve.core.errors import ServiceUnreachable
from twelve.core.model import ConfigVars
from twelve.core.ports import PlatformProcess
from twelve.infra.components import valkey_server
from twelve.infra.daemons import Daemon
from twelve.infra.ports import Ports
from twelve.infra.settings import Settings
from twelve.stages.services.files import write_private
from twelve.stages.services.versions import said_by

CONFIGURATION = """\
bind 127.0.0.1
port {port}
dir "{directory}"
appendonly yes
appendfsync everysec
save ""
maxmemory 64mb
maxmemory-policy noeviction
daemonize no
enable-protected-configs no
enable-debug-command no
user default on >{password} ~* &* +@all -@admin +info +config|get +client|list +client|kill
user twelve on >{admin} ~* &* +@all
"""


class RedisProvider:
    """An app is the user "default": drivers from before Redis had users send a password and no name.

    Details: `instance` (its directory and daemon), `password` (user default), `admin` (user twelve).
    """

    name = "redis"
    default_attachment = "REDIS"

    def __init__(self, settings: Settings, output: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._ports = Ports(settings.data / "ports.json")
        self._output = output
        self._lock = threading.RLock()
        self._daemons: dict[str, Daemon] = {}

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        for each in details:
            self._daemon(each).ensure()
        for daemon in self._known():
            daemon.ensure()

    def stop(self) -> None:
        for daemon in self._known():
            daemon.stop()

    def release(self) -> None:
        for daemon in self._known():
            daemon.release()

    def create(self, resource: str) -> ConfigVars:
        instance = f"{resource}-{secrets.token_hex(3)}"  # never the directory of an earlier one of that name
        details = {"instance": instance, "password": secrets.token_urlsafe(32), "admin": secrets.token_urlsafe(32)}
        try:
            self._daemon(details).ensure()
        except BaseException:
            self.destroy(details)
            raise
        return ConfigVars(details)

    def destroy(self, details: Mapping[str, str]) -> None:
        self._daemon(details).stop()
        with self._lock:
            del self._daemons[details["instance"]]
        shutil.rmtree(self._directory(details), ignore_errors=True)
        self._configuration(details).unlink(missing_ok=True)
        self._ports.forget(details["instance"])

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        port = self._ports.current(details["instance"])
        return {f"{attachment}_URL": f"redis://default:{details['password']}@127.0.0.1:{port}/0"}

    def keys(self, attachment: str) -> frozenset[str]:
        return frozenset({f"{attachment}_URL"})

    def version(self) -> str:
        return f"Valkey {said_by(valkey_server(), '--version')}"

    def processes(self) -> list[PlatformProcess]:
        return [process for daemon in self._known() if (process := daemon.process())]

    def _known(self) -> list[Daemon]:
        with self._lock:
            return list(self._daemons.values())

    def _daemon(self, details: Mapping[str, str]) -> Daemon:
        instance = details["instance"]
        with self._lock:
            if instance not in self._daemons:
                self._daemons[instance] = self._new_daemon(instance, dict(details))
            return self._daemons[instance]

    def _new_daemon(self, instance: str, details: Mapping[str, str]) -> Daemon:
        return Daemon(
            instance,
            "Valkey server",
            self._settings.run,
            command=lambda: [valkey_server(), self._configuration(details)],
            env={"TZ": "UTC"},
            ready=lambda: _answers(self._ports.current(instance), details["admin"]),
            ready_deadline=60,  # it may have to read a long log of writes
            output=partial(self._output, instance),
            before_start=partial(self._configure, details),
            error=ServiceUnreachable,
        )

    def _configure(self, details: Mapping[str, str]) -> None:
        directory = self._directory(details)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self._ports.free(details["instance"])
        text = CONFIGURATION.format(
            port=port, directory=directory, password=details["password"], admin=details["admin"]
        )
        write_private(self._configuration(details), text)

    def _directory(self, details: Mapping[str, str]) -> Path:
        return self._settings.data / "redis" / details["instance"]

    def _configuration(self, details: Mapping[str, str]) -> Path:
        return self._settings.run / "services" / f"{details['instance']}.conf"


def _answers(port: int, password: str) -> bool:
    """An authenticated PING: another program on that port does not pass, nor one that still loads its data."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(f"AUTH twelve {password}\r\nPING\r\nQUIT\r\n".encode())
        with connection.makefile("rb") as answers:
            return answers.read() == b"+OK\r\n+PONG\r\n+OK\r\n"
