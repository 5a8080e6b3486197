"""Which names and texts hold a secret: what config, events and resources hide before they show anything."""

import re
from functools import lru_cache
from itertools import pairwise

MASK = "[redacted]"

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]+|[0-9]+")
_SECRET_WORDS = frozenset({
    "auth", "authorization", "bearer", "cookie", "cookies", "credential", "credentials", "csrf", "dsn", "jwt", "otp",
    "passcode", "passphrase", "passwords", "pwd", "secrets", "sessionid", "sid",
})  # fmt: skip
_SECRET_ENDS = ("password", "passwd", "secret", "token", "apikey")  # PGPASSWORD, authtoken
_BEFORE_KEY = frozenset({"access", "account", "api", "client", "encryption", "master", "private", "secret", "signing"})

# All repetitions are bounded, so that the time grows with the length of the text only.
_PASSWORD = re.compile(r"""(://[^\s:/?#@"'<>]{0,256}:)[^\s"'<>]{1,1024}(?=@)""")
_TOKEN = re.compile(r"""(://)[^\s:/?#@"'<>]{16,1024}(?=@)""")
_PARAMETER = re.compile(
    r"""((?:^|[?&;\s])[\w.-]{0,32}(?:password|passwd|secret|token|api_?key|access_?key|signature|credential)=)"""
    r"""[^&\s"']{1,4096}""",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """True of `DB_PASSWORD`, `apiKey`, `Set-Cookie`; false of `cache_key`, `max_tokens`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _SECRET_WORDS or word.endswith(_SECRET_ENDS) for word in words):
        return True
    pairs = set(pairwise(words))
    return ("session", "id") in pairs or any((before, "key") in pairs for before in _BEFORE_KEY)


def mask(text: str) -> str:
    """The text without the passwords of its URLs and without the values of its secret parameters."""
    if "://" in text and "@" in text:
        text = _TOKEN.sub(rf"\1{MASK}", _PASSWORD.sub(rf"\1{MASK}", text))
    return _PARAMETER.sub(rf"\1{MASK}", text) if "=" in text else text
