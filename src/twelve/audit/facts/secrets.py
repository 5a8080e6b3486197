"""What a secret looks like: by its name, by its value, and by the marks its provider gives it. Pure."""

import math
import re
from collections import Counter

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = {"password", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "credential", "credentials",
           "apikey", "secretkey", "accesskey", "privatekey"}  # fmt: skip
_KEYS = {"api", "secret", "private", "access", "signing", "encryption", "crypto", "cipher", "master", "cookie",
         "session", "auth", "jwt", "hmac", "account", "aes", "signature"}  # fmt: skip
_NOT_BEFORE_KEY = {"public", "primary", "foreign", "partition", "sort", "cache"}
SIGNING = re.compile(
    r"(?i)(secret_?key(_?base)?|secret|(jwt|session|cookie|signing|encryption|crypto|master|hmac)_?(secret|key))$"
)
_STOP = re.compile(
    r"(?i)change[-_ ]?(me|it|this)|placeholder|example|dummy|insert|replace|your[-_ ]|my[-_]?(secret|password)"
    r"|xxx|todo|none|null|undefined|redacted|\*{3}|\.\.\.|<[^<>]*>|\bfoo\b|\bbar\b|test|fake|sample|default|generate"
)
_CODE = re.compile(
    r"\$\{|\$\(|\{\{|#\{|<%|%\(|^%s$|^\$[A-Z_]+$|^@|^\{|^env[.:(]|^secrets?[./:]|^vault:|^!|^arn:|^ssm:|^[a-z]+\||[=<>~]=\d"
)
_WORDY = re.compile(r"[A-Z]?[a-z]{4,}[-_. ]?[A-Z]?[a-z]{4,}")
_PLAIN = re.compile(r"[A-Za-z]+([-_. ][A-Za-z]+)*")
_ADDRESS = re.compile(r"^(https?://|/|\./|\.\./|[A-Z]:\\|#|\w+\.\w+\.\w)|[/\\]\w+[/\\]")

# Marks of providers. What they issue has a form of its own, so a match is no guess.
PROVIDERS: dict[str, tuple[tuple[bytes, ...], re.Pattern[str]]] = {
    name: (tuple(mark.encode() for mark in marks.split()), re.compile(pattern))
    for name, marks, pattern in [
        ("AWS", "AKIA ASIA", r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"),
        ("GitHub", "ghp_ gho_ ghu_ ghs_ ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,}\b"),
        ("GitHub (fine-grained)", "github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{60,}\b"),
        ("GitLab", "glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("Slack", "xoxa- xoxb- xoxp- xoxr- xoxs-", r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
        ("Slack (webhook)", "hooks.slack.com", r"hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{20,}"),
        ("Stripe", "sk_live_ rk_live_", r"\b[rs]k_live_[A-Za-z0-9]{20,}\b"),
        ("SendGrid", "SG.", r"\bSG\.[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{40,}"),
        ("npm", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
        ("PyPI", "pypi-AgEI", r"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
        ("OpenAI", "T3BlbkFJ", r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{20,100}?T3BlbkFJ[A-Za-z0-9_-]{20,}"),
        ("Anthropic", "sk-ant-", r"\bsk-ant-[a-z]+\d\d-[A-Za-z0-9_-]{80,}"),
        ("Heroku", "HRKU-", r"\bHRKU-[A-Za-z0-9_-]{30,}"),
        ("DigitalOcean", "doo_v1_ dop_v1_ dor_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
        ("Shopify", "shpat_ shpca_ shppa_ shpss_", r"\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b"),
        ("Square", "sq0atp- sq0csp-", r"\bsq0(?:atp|csp)-[A-Za-z0-9_-]{22,}"),
        ("Hugging Face", "hf_", r"\bhf_[A-Za-z]{34}\b"),
        ("Telegram", ":AA", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
        ("Mailgun", "key-", r"\bkey-[0-9a-f]{32}\b"),
        ("Google", "AIza GOCSPX-", r"\b(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28})(?![\w-])"),
    ]
}


def words_of(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def is_secret_name(name: str) -> bool:
    """Whether what is called so is a secret itself: API_KEY, cookieSecret; not SECRET_NAME, TOKEN_URL, PRIMARY_KEY."""
    words = words_of(name)
    while words and (words[-1] in {"base", "default", "value"} or words[-1].isdigit()):
        words = words[:-1]
    if not words:
        return False
    if words[-1] in {"key", "keys"}:
        return len(words) > 1 and words[-2] in _KEYS and not set(words) & _NOT_BEFORE_KEY
    return words[-1] in _ALWAYS and not {
        "max",
        "min",
        "csrf",
        "num",
        "reset",
        "forgot",
        "invalid",
        "existing",
        "ref",
    } & set(words)


def is_signing_name(name: str) -> bool:
    """A key that signs or seals: anybody who knows it can forge what it protects, so no literal is good enough."""
    return bool(SIGNING.search(name.rpartition(".")[2]))


def is_placeholder(value: str) -> bool:
    return not value.strip() or bool(_STOP.search(value)) or len(set(value)) < 3


def is_no_literal(value: str) -> bool:
    """A reference to a value elsewhere, a template, or an address."""
    return bool(_CODE.search(value)) or bool(_ADDRESS.search(value))


def names_something(name: str, value: str) -> bool:
    """PASSWORD = "password", TOKEN_HEADER = "X-Token": the value is a name as well."""
    told = words_of(value)
    is_constant = value.isupper() and "_" in value and not _digits(value)
    return is_constant or (bool(told) and set(told) <= set(words_of(name)))


def entropy(value: str) -> float:
    """Bits a character."""
    if not value:
        return 0.0
    return -sum(count / len(value) * math.log2(count / len(value)) for count in Counter(value).values())


def is_random(value: str) -> bool:
    """Made by a generator, or at least meant to be hard to guess."""
    if len(value) < 8 or re.search(r"\s", value) or _PLAIN.fullmatch(value):
        return len(value) >= 24 and not re.search(r"[\s_.-]", value) and entropy(value) > 4
    kinds = sum(bool(re.search(one, value)) for one in ("[a-z]", "[A-Z]", r"\d", r"[^A-Za-z0-9]"))
    enough = entropy(value) >= (3.0 if len(value) >= 16 else 2.6) and kinds >= 2
    return enough and (_digits(value) or (len(value) >= 16 and kinds >= 3 and not _WORDY.search(value)))


def masked(value: str) -> str:
    """All that may be shown of a secret."""
    return f"{value[:2]}..."


def _digits(value: str) -> bool:
    return any(character.isdigit() for character in value)
