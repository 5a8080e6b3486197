"""Factor III, secrets in the code: literals, tokens of known providers, private keys, and secrets told to the log."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Kind, SourceFile
from twelve.audit.facts import secrets
from twelve.audit.facts.comments import begins_string, in_code, uncommented
from twelve.audit.facts.pythons import is_a_string
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
LITMUS = "The litmus test: could the codebase be made open source at any moment, without compromising any credentials?"
NOT_TESTS = (Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD, Kind.EXAMPLE)

_NOUNS = r"(?:secret|passw|passphrase|token|credential|pwd|key)"
_QUOTED = re.compile(
    _NOUNS + r"""[\w-]{0,80}["'\]]{0,2}\s{0,40}+(?::\s{0,20}+[\w.]{1,80}+\s{0,20}+(?==)|string\s{0,20}+(?==))?"""
    r"""(?::=|=>|=|:)\s{0,80}+(?:\[\]byte\(|[bu](?=["']))?"""
    r"""(?P<quote>["'`])(?P<value>[^"'`\n]{3,300})(?P=quote)(?!\s{0,20}+[+%?]|\.format|\s{0,20}+:[^\n:]{0,300}+$)""",
    re.IGNORECASE,
)  # fmt: skip
_BARE = re.compile(
    r"^[ \t-]*+(?:export[ \t]++)?(?P<name>[\w.-]++)[ \t]*+[=:][ \t]*+(?P<value>[^\s\"'#{\[|>&*]\S{2,299}+)[ \t]*+$",
    re.MULTILINE,
)
_CANDIDATE = re.compile(_NOUNS.encode() + rb"[\w\-]{0,80}[\"'\]]{0,2}\s{0,40}+(?:=>|:=|=|:|string)")
Place = tuple[str, re.Pattern[str]]  # what stands there, and where
QUERY = "API_KEY in the query"
_CODE = {"python", "javascript", "typescript", "tsx", "ruby", "go", "java"}
_DATA = {"properties", "yaml", "ini", "toml", "json", "env", "shell"}
_ENV_TEMPLATE = re.compile(r"(^|\.)env([._-](example|sample|template|dist))?$")
_NOT_OURS = re.compile(
    r"(^|/)(package-lock\.json|[^/]*\.lock|locales?|i18n|lang|translations?|messages?|schemas?|openapi)\b|swagger"
)
_SEEDS = re.compile(r"(?i)(seed|fixture|reset|populate|sample|demo|dummy|mock|random_?data)")
_SIGNED = re.compile(rb"(?i)session|jwt|jsonwebtoken|cookie")
_VALUE = r"""["'](?P<value>[^"'\n]{3,200})["']"""
# Calls that take a secret by its place: (what it is, words without which there is none, where it stands).
_TAKES = [
    (name, words, re.compile(rf"(?:{pattern}){_VALUE}", re.MULTILINE))
    for name, words, pattern in (
        (
            "JWT_SECRET",
            (b"jwt.", b"JWT."),
            r"\b(?:jwt|JWT)\.(?:sign|verify|encode|decode)\(\s*(?:\{[^{}]{0,300}\}|[^,(){}\n]{1,80}),\s*",
        ),
        (
            "JWT_SECRET",
            (b"secretOrKey", b"SignedString", b"signWith"),
            r"\bsecretOrKey\s*:\s*|\.SignedString\(\s*\[\]byte\(\s*|\.signWith\([^,()\n]{1,80},\s*",
        ),
        (
            "COOKIE_SECRET",
            (b"cookieParser", b"NewCookieStore", b"cookie.NewStore"),
            r"\bcookieParser\(\s*|\b(?:NewCookieStore|cookie\.NewStore)\(\s*\[\]byte\(\s*",
        ),
        (
            "COOKIE_SECRET",
            (b"cookieSession",),
            r"\bcookieSession\(\s*\{[^{}]{0,200}?\bkeys\s*:\s*\[\s*",
        ),
        (
            "SESSION_SECRET",
            (b"ession(", b"session_secret"),
            r"\b(?:session|expressSession)\(\s*\{[^{}]{0,300}?\bsecret\s*:\s*|\bset[ (]:session_secret\s*,\s*",
        ),
        (
            "PASSWORD",
            (b".login(", b".setPassword("),
            r"\b(?:server|smtp\w{0,20}|mail\w{0,20})\.login\(\s*[^,()\n]{1,80},\s*|\.setPassword\(\s*",
        ),
        (
            "PASSWORD",
            (b"auth=(", b"auth = (", b"auth:", b"auth :", b"getConnection("),
            (
                r"\bauth\s*=\s*\(\s*[^,()\n]{1,80},\s*|\bauth\s*:\s*\{[^{}]{0,200}?\bpass\s*:\s*"
                r"|\bgetConnection\([^,()\n]{1,160},[^,()\n]{1,80},\s*"
            ),
        ),
    )
]
_ASKED = (b"?appid", b"&appid", b"?api", b"&api", b"?access", b"&access")
_IN_QUERY = re.compile(r"[?&](?:appid|api_?key|access_?token)=(?P<value>[A-Za-z0-9_-]{16,200})")
_FRAMEWORK_KEY = re.compile(r"(?i)^(.*\.)?secret_?key(_?base)?$")
_MANIFESTS = re.compile(r"compose[^/]{0,60}\.ya?ml$|(^|/)(app\.json|render\.yaml|fly\.toml)$")


@RULES.of_files(
    "TF03-hardcoded-secret",
    ERROR,
    "A secret is a constant in the code.",
    fix="Read it from the environment, end when it is missing, and replace the one that was published.",
    why=LITMUS,
    bad={"settings.py": "SECRET_KEY = 'k3jh5-9fds7-2hkq8'\n"},
    good={"settings.py": "import os\n\nSECRET_KEY = os.environ['SECRET_KEY']\n"},
    kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.EXAMPLE),
)
def secret_is_a_constant(file: SourceFile) -> Iterator[Hit]:
    if not _is_looked_at(file):
        return
    taken, asked = _takes(file), _asks(file)
    if not (taken or asked or _CANDIDATE.search(file.data.lower())):
        return
    seen: set[int] = set()
    for name, value, offset in _assignments(file, taken, asked=asked):
        if _is_secret(file, name, value):
            line = file.line_at(offset)
            if offset not in seen and (file.language != "python" or name == QUERY or is_a_string(file, line, value)):
                seen.add(offset)
                yield _hit(file, line, f"{name} is a constant in the code ({secrets.masked(value)}).")


def _is_looked_at(file: SourceFile) -> bool:
    """Env files in use have a rule of their own, and so have manifests."""
    if file.kind is Kind.EXAMPLE:
        return bool(_ENV_TEMPLATE.search(file.name))
    if _NOT_OURS.search(file.path) or _MANIFESTS.search(file.path):
        return False
    return file.language in _CODE | _DATA and file.language != "env"


def _is_of_development(file: SourceFile, line: int) -> bool:
    """Rails keeps keys for development and tests beside those of production; these are no secrets."""
    if file.name not in {"secrets.yml", "secrets.yaml"}:
        return False
    above = (text for text in reversed(file.lines[: line - 1]) if text[:1].isalpha())
    return next(above, "").partition(":")[0] in {"development", "test"}


def _hit(file: SourceFile, line: int, message: str) -> Hit:
    if _is_of_development(file, line):
        return Hit(file.path, line, f"{message} It is not production's.", INFO)
    if _SEEDS.search(file.path):
        return Hit(file.path, line, f"{message} It looks like sample data.", INFO)
    if file.kind is not Kind.PRODUCTION:
        return Hit(file.path, line, message, WARNING)
    return Hit(file.path, line, message)


def _takes(file: SourceFile) -> list[Place]:
    """What it is and where it stands, of the calls that this file has."""
    if file.language not in _CODE:
        return []
    likely = [(name, where) for name, words, where in _TAKES if any(word in file.data for word in words)]
    return [(name, where) for name, where in likely if where.search(file.text)]


def _asks(file: SourceFile) -> bool:
    is_likely = file.language in _CODE and any(word in file.data for word in _ASKED)
    return is_likely and _IN_QUERY.search(file.text) is not None


def _assignments(file: SourceFile, taken: list[Place], *, asked: bool) -> Iterator[tuple[str, str, int]]:
    if not (taken or asked or _QUOTED.search(file.text)) and (file.language in _CODE or not _BARE.search(file.text)):
        return
    text = uncommented(file)
    for match in _QUOTED.finditer(text):
        start = match.start()
        while start and (text[start - 1].isalnum() or text[start - 1] in "_-"):
            start -= 1
        name = re.match(r"[\w-]+", text[start:])
        if name and begins_string(file, match.start("quote")):
            yield name[0], match["value"], match.start("value")
    for name_, pattern in taken:
        yield from ((name_, match["value"], match.start("value")) for _, match in in_code(file, pattern))
    for match in _IN_QUERY.finditer(text) if asked else ():
        yield QUERY, match["value"], match.start("value")
    if file.language not in _CODE and file.language != "json":
        for match in _BARE.finditer(text):
            yield match["name"], match["value"], match.start("value")


def _is_secret(file: SourceFile, name: str, value: str) -> bool:
    if name == QUERY:
        return secrets.is_random(value) and not secrets.is_placeholder(value)
    if not secrets.is_secret_name(name) or secrets.is_no_literal(value):
        return False
    if file.kind is Kind.PRODUCTION and _signs(file, name) and len(value.split()) <= 4:
        return _is_known(name, value) or not secrets.names_something(name, value)
    return secrets.is_random(value) and not secrets.is_placeholder(value) and not secrets.names_something(name, value)


def _is_known(name: str, value: str) -> bool:
    """A framework's key, unless that is a label of it, and the words that everybody takes."""
    is_label = " " in value and value[:1].isupper()
    key = _FRAMEWORK_KEY.match(name) and not is_label
    return bool(key) or (name.isupper() and value in {"secret", "mysecret", "supersecret"})


def _signs(file: SourceFile, name: str) -> bool:
    """A bare `secret` signs where there are sessions or tokens; elsewhere it may be a label."""
    if file.language not in _CODE | {"properties"} or not secrets.is_signing_name(name):
        return False
    return name.lower() != "secret" or _SIGNED.search(file.data) is not None


@RULES.of_files(
    "TF03-known-token",
    ERROR,
    "A provider's token is in the code.",
    fix="Revoke it at the provider, make a new one, and keep that in the environment.",
    why=LITMUS,
    bad={"pay.js": "const key = 'sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc" + "'\n"},
    good={"pay.js": "const key = process.env.STRIPE_KEY\n"},
    needles=[mark.decode() for marks, _ in secrets.PROVIDERS.values() for mark in marks],
    kinds=NOT_TESTS,
)
def token_of_a_provider(file: SourceFile) -> Iterator[Hit]:
    for provider, (marks, pattern) in secrets.PROVIDERS.items():
        for line, match in file.search(pattern) if any(mark in file.data for mark in marks) else ():
            if not secrets.is_placeholder(match[0]) and secrets.entropy(match[0]) > 3:
                public = match[0].startswith("AIza")  # what a browser may hold, restricted by its referrer
                message = f"A token of {provider} is in the code ({secrets.masked(match[0])})."
                yield Hit(file.path, line, message, WARNING if public or file.kind is not Kind.PRODUCTION else None)


_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s|[\"'+,])+[A-Za-z0-9+/=]{32,}")
_KEY = "PRIVATE KEY"  # apart, lest this file be taken for one that holds it
_KEY_FILES = re.compile(r"(\.(p12|pfx|jks|keystore|ppk)|(^|/)(master\.key|id_(rsa|dsa|ecdsa|ed25519)))$")


@RULES.of_files(
    "TF03-private-key-file",
    ERROR,
    "A private key is in the codebase.",
    fix="Make a new key, give it to the app through the environment, and take this one out of use.",
    why=LITMUS,
    bad={"certs/server.key": f"-----BEGIN RSA {_KEY}-----\n" + "MIIEpAIBAAKCAQEA04up8hoqzS1XrLkb" * 2 + "\n"},
    good={"certs/server.crt": "-----BEGIN CERTIFICATE-----\n" + "MIIEpAIBAAKCAQEA04up8hoqzS1XrLkb" * 2 + "\n"},
    kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD),
)
def private_key(file: SourceFile) -> Iterator[Hit]:
    severity = None if file.kind is Kind.PRODUCTION and "localhost" not in file.path else WARNING
    if _KEY_FILES.search(file.path):
        yield Hit(file.path, 1 if file.data else None, f"{file.name} holds a private key.", severity)
    elif b"PRIVATE KEY" in file.data:
        for line, _ in file.search(_PEM):
            yield Hit(file.path, line, severity=severity)


_TOLD = {
    "python": re.compile(
        r"(?:\bprint|\blog(?:ger|ging)?\.\w+|\b_?log\w*\.\w+)\((?:[^()\n]*[,{]\s*)?(?:dict\()?"
        r"(os\.environ|(?:app|current_app)\.config|settings\.(?:dict|model_dump)\(\)|vars\(settings\)|settings\.__dict__"
        r"|(?:\w+\.)*(?:SECRET_KEY|DATABASE_URL|[A-Z_]*(?:PASSWORD|API_KEY|SECRET)))\s*[,)}]"
    ),
    "javascript": re.compile(
        r"\b(?:console|logger|log)\.\w++\((?:[^()\n]{0,300},)?\s*+(?:(?:JSON\.stringify|util\.inspect|inspect)\(\s*+)?"
        r"(process\.env|config|settings|process\.env\.\w*(?:SECRET|PASSWORD|TOKEN|API_KEY)\w*)\s*[,)]"
    ),
    "ruby": re.compile(
        r"(?:\bputs|\bp|logger\.\w+)[ (]\s*(ENV(?:\.to_h|\.inspect|\.to_a)?"
        r"|ENV\[[\"']\w*(?:SECRET|PASSWORD|TOKEN)\w*[\"']\])[ \t]*+(?:\)[ \t]*+)?$",
        re.MULTILINE,
    ),
    "go": re.compile(r"\b(?:fmt|log|logger|slog)\.\w+\((?:[^()\n]*,\s*)?(os\.Environ\(\))"),
    "java": re.compile(r"(?:System\.out\.print\w*|log(?:ger)?\.\w+)\((?:[^()\n]*[,+]\s*)?(System\.getenv\(\))"),
}  # fmt: skip
_TOLD["typescript"] = _TOLD["tsx"] = _TOLD["javascript"]


@RULES.of_files(
    "TF03-secret-in-log",
    WARNING,
    "The whole configuration, or a secret of it, is written to the log.",
    fix="Log which variables are set, never their values.",
    why="A log goes to places that a credential must not go to.",
    bad={"app.py": "import os\n\nprint(os.environ)\n"},
    good={"app.py": "import os\n\nprint(sorted(os.environ))\n"},
    language=tuple(_TOLD),
    needles=("print", "log", "puts", "console", "fmt."),
)
def configuration_is_logged(file: SourceFile) -> Iterator[Hit]:
    if not re.search(
        rb"environ|config|settings|SECRET|PASSWORD|API_KEY|DATABASE_URL|process\.env|ENV|getenv", file.data
    ):
        return
    for line, match in in_code(file, _TOLD[file.language]):
        yield Hit(file.path, line, f"{match[1]} is written to the log.", verdict=Verdict.PARTIAL)
