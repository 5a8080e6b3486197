"""An S3 bucket through obstore: files that outlive a process live there.

store = s3.store(settings.s3_url)
store.put("reports/1.csv", b"...")
"""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from twelve_runtime._extras import needs
from twelve_runtime.errors import BadUrl
from twelve_runtime.lifecycle import Lifecycle
from twelve_runtime.resources._address import Address, Secret, is_this_machine, parse
from twelve_runtime.resources._boot import WAIT, Patience, until_up

with needs("resources.s3", "obstore", "s3"):
    import obstore
    from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
    from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential  # only for types: they do not exist at run time

REGION = "us-east-1"
SYSTEM = re.compile(r'Os \{[^}]*message: "([^"]+)"')
HOPELESS = ("NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied")


def store(
    url: str | Secret, *, timeout: float = 30.0, wait: float = WAIT, lifecycle: Lifecycle | None = None
) -> S3Store:
    """Of `s3://KEY:SECRET@HOST:PORT/BUCKET[/PREFIX]`, or `s3://BUCKET[/PREFIX]?endpoint_url=…&region=…`.

    Without a key in the URL the AWS_ variables count. A host is asked over TLS unless it is this machine or the URL
    says `?tls=false`. `timeout` is for a request, `wait` for the server at boot.
    """
    address = parse(url, "S3", ("s3",))
    made = _made(address, timeout, retries=3)
    if wait:
        patience = Patience(address.where("S3"), address, wait, _is_hopeless)
        once = _made(address, min(timeout, 10.0), retries=0)
        until_up(patience, lambda: _knock(once), (BaseError, OSError), lifecycle)
    return made


def _made(address: Address, timeout: float, retries: int) -> S3Store:
    endpoint, bucket, prefix = _place(address)
    config: S3Config = {"region": address.query.get("region", REGION)}
    if endpoint:  # the second name goes before the first, and may stand in the environment for another store
        config |= {"endpoint": endpoint, "aws_endpoint_url_s3": endpoint, "virtual_hosted_style_request": False}
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        credential_provider=_login(address) if address.user else None,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "timeout": f"{max(1, round(timeout))}s",
            "connect_timeout": "5s",
        },
        retry_config={"max_retries": retries},
    )


def _login(address: Address) -> Callable[[], "S3Credential"]:
    """As a function: a session token of the environment would be sent along with a key that is given."""
    return lambda: {"access_key_id": address.user, "secret_access_key": address.password, "expires_at": None}


def _place(address: Address) -> tuple[str, str, str]:
    """Endpoint, bucket, prefix. A host with a login or a port is a server; otherwise the host is the bucket."""
    path = address.path.strip("/")
    if address.port is None and not address.user:
        return address.query.get("endpoint_url", ""), address.host, path
    bucket, _, prefix = path.partition("/")
    if not bucket or not address.host:
        raise BadUrl("The URL of S3 names no bucket: write s3://KEY:SECRET@HOST:PORT/BUCKET.")
    host = f"[{address.host}]" if ":" in address.host else address.host
    port = f":{address.port}" if address.port else ""
    return f"{_transport(address.host, address.query)}://{host}{port}", bucket, prefix


def _transport(host: str, query: Mapping[str, str]) -> str:
    if "tls" in query:
        return "http" if query["tls"].lower() in {"false", "0", "no"} else "https"
    return "http" if is_this_machine(host) else "https"


def _knock(store: S3Store) -> None:
    try:
        obstore.list_with_delimiter(store)
    except BaseError as error:
        system = SYSTEM.search(str(error))
        if system:  # far down in the text; its first line says only that something was wrong
            raise OSError(system[1]) from None
        raise


def _is_hopeless(error: BaseException) -> bool:
    refused = isinstance(error, PermissionDeniedError | UnauthenticatedError)
    return refused or any(reason in str(error) for reason in HOPELESS)
