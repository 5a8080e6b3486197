"""Who may ask: one token a platform, made 0600 on the first start and compared in constant time."""

import base64
import binascii
import hmac
import secrets

from twelve.infra.sealing import write_once
from twelve.infra.settings import Settings

TOKEN_BYTES = 32


def load_token(settings: Settings) -> str:
    """The token of TWELVE_HOME/token; the first start makes it."""
    settings.token_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        content = settings.token_file.read_bytes()
    except FileNotFoundError:
        content = write_once(settings.token_file, secrets.token_urlsafe(TOKEN_BYTES).encode())
    return content.decode().strip()


def presented(authorization: str | None) -> str | None:
    """The token in an Authorization header: `Bearer TOKEN`, or Basic with the token as the password of any user."""
    scheme, _, credentials = (authorization or "").partition(" ")
    match scheme.lower():
        case "bearer":
            return credentials.strip() or None
        case "basic":
            return _password(credentials.strip())
        case _:
            return None


def matches(token: str, authorization: str | None) -> bool:
    given = presented(authorization)
    return given is not None and hmac.compare_digest(token.encode(), given.encode())


def _password(credentials: str) -> str | None:
    try:
        _, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return password or None
