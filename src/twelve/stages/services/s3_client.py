"""The few S3 requests the platform makes itself, signed with AWS Signature Version 4."""

import hashlib
import hmac
import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

REGION = "us-east-1"
EMPTY = hashlib.sha256(b"").hexdigest()
SIGNED = "host;x-amz-content-sha256;x-amz-date"


@dataclass(frozen=True, slots=True)
class S3Client:
    """`address`: a port on loopback or a Unix socket. Requests have no body."""

    address: int | Path
    key: str
    secret: str

    def request(self, method: str, path: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """The status and body; OSError when nobody answers."""
        text = "&".join(
            f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in sorted((query or {}).items())
        )
        connection = _Connection(self.address)
        try:
            connection.request(method, f"{path}?{text}" if text else path, headers=self._signed(method, path, text))
            answer = connection.getresponse()
            return answer.status, answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def _signed(self, method: str, path: str, query: str) -> dict[str, str]:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        headers = {"host": "localhost", "x-amz-content-sha256": EMPTY, "x-amz-date": stamp}
        canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"{method}\n{path}\n{query}\n{canonical}\n{SIGNED}\n{EMPTY}"
        to_sign = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signing = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            signing = _hmac(signing, part)
        signature = _hmac(signing, to_sign).hex()
        credential = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}"
        return {**headers, "authorization": f"{credential}, SignedHeaders={SIGNED}, Signature={signature}"}


class _Connection(http.client.HTTPConnection):
    def __init__(self, address: int | Path) -> None:
        super().__init__("localhost", timeout=10)
        self._address = address

    def connect(self) -> None:
        if isinstance(self._address, int):
            self.sock = socket.create_connection(("127.0.0.1", self._address), self.timeout)
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._address))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
