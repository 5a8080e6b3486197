"""Factor III, deploys told apart in the code: by named environments, by the platform, by literal addresses."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts.comments import in_code, is_inside_string, uncommented
from twelve.audit.model import Hit
from twelve.audit.rule import INFO, WARNING, Rulebook

RULES = Rulebook()
CODE = ("python", "javascript", "typescript", "tsx", "ruby", "go", "java")
_NAMES = (
    "NODE_ENV|APP_ENV|APPLICATION_ENV|FLASK_ENV|FLASK_CONFIG|APP_CONFIG|RAILS_ENV|RACK_ENV|DJANGO_ENV|ENVIRONMENT|ENV"
    "|DEPLOY_ENV|STAGE|APP_SETTINGS"
)
_ENVIRONMENTS = "production|prod|staging|stage|development|dev|qa|uat|live"
_READ = (
    rf"""(?:process\.env\.(?:{_NAMES})\b|process\.env\[["'](?:{_NAMES})["']\]|os\.environ\[["'](?:{_NAMES})["']\]"""
    rf"""|(?:os\.environ\.get|os\.getenv|getenv|environ\.get|ENV\.fetch|os\.Getenv|System\.getenv)"""
    rf"""\(\s*["'](?:{_NAMES})["'][^()\n]*\)|ENV\[["'](?:{_NAMES})["']\])"""
)
_READS = re.compile(_READ)
_ASSIGNED = re.compile(rf"\b(?P<target>\w+)\s*:?=\s*[^=\n]{{0,40}}?{_READ}")
_CHOOSERS = (
    r"(?:require|import|import_module|import_string|from_object|from_pyfile|readFileSync|readFile|load_file|open"
    r"|__import__|ReadFile)"
)


@RULES.of_code(
    "TF03-env-groups",
    WARNING,
    "Config is a set of groups, one for each environment.",
    fix="Make each value a variable of its own, set for each deploy.",
    why="Env vars are never grouped together as environments: each is managed independently for each deploy.",
    bad={"config.js": "const env = process.env.NODE_ENV\nmodule.exports = require('./env/' + env + '.js')\n"},
    good={"config.js": "module.exports = { database: process.env.DATABASE_URL }\n"},
)  # fmt: skip
def config_comes_in_groups(code: Codebase) -> Iterator[Hit]:
    chosen = code.extracted(groups_chosen)
    for file, lines in chosen:
        if not file.path.startswith("config/environments/"):
            yield from (Hit(file.path, line, "The environment's name chooses a group of config.") for line in lines)
    if not chosen:
        yield from _grouped_files(code)


@extraction(language=CODE, needles=_NAMES.split("|"))
def groups_chosen(file: SourceFile) -> list[int]:
    """Where a file, a module or an entry of a table is chosen by the name of the environment."""
    if not _READS.search(file.text):
        return []
    text = uncommented(file)
    targets = {match["target"] for match in _ASSIGNED.finditer(text)}
    named = "|".join([_READ, *(rf"(?<![.\w\"'/]){re.escape(target)}\b" for target in targets - {"env"})])
    if "env" in targets:
        named += r"|(?<![.\w\"'/-])env\b(?!\s*[=:(\"'])"
    patterns = (
        rf"\b{_CHOOSERS}\([^\n]{{0,300}}?(?:\+\s*+|\$\{{|#\{{|\{{|%\s*+|,\s*+|\(\s*+)(?:{named})",
        rf"\b\w{{0,60}}?(?i:config|settings|environments)\w{{0,60}}+\[\s*+(?:{named})\s*\]",
        rf"\b\w{{0,60}}?(?i:config|settings)\w{{0,60}}+\.get\(\s*+(?:{named})",
    )
    matches = (match for pattern in patterns for match in re.finditer(pattern, text))
    return sorted({file.line_at(one.start()) for one in matches if not is_inside_string(file, one.start())})


_GROUP = re.compile(
    rf"^(?P<place>.*?(?:settings|config|env|environments)/|(?:.*/)?(?:settings|config)[_.-])(?P<name>{_ENVIRONMENTS})\.(?:py|js|ts|json|ya?ml)$"
)
_PROFILE = re.compile(r"^(?P<place>.*application-)(?P<name>\w+)\.(?:properties|ya?ml)$")
_HANDLE = re.compile(
    r"(?i)\w://[\w.-]+|(?:host|url|bucket|password|secret|endpoint|dsn)\w{0,60}+[\"']?\s{0,20}+[=:]\s{0,20}+[\"']?(?!.{0,200}?(?:environ|env\(|getenv|process\.env|ENV|\$\{))[\w.-]{3,}"
)


def _grouped_files(code: Codebase) -> Iterator[Hit]:
    places: dict[str, list[SourceFile]] = {}
    for file in code.files.values():
        if file.kind in {Kind.PRODUCTION, Kind.DEVELOPMENT} and (
            match := _GROUP.match(file.path) or _PROFILE.match(file.path)
        ):
            places.setdefault(match["place"], []).append(file)
    for place, files in places.items():
        if len(files) > 1:
            handles = any(_HANDLE.search(uncommented(file)) for file in files)
            names = ", ".join(file.name for file in files)
            yield Hit(files[0].path, None, f"{place} has {names}.", None if handles else INFO)


_BRANCH = re.compile(
    rf"""(?:{_READ}|\b(?:env|environment|app_env|node_env|stage)\b)\)?\s*(?:===?|!==?|\.eql\?|\.equals\()\s*["'](?P<name>{_ENVIRONMENTS})["']""",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"""(?i)["'`](?:\w{1,40}+://[\w.-]|[\w-]{1,80}+\.[\w.-]{1,200}\.(?:com|net|org|io))|(?:bucket|host|url|dsn)\w{0,60}+["']?\s*+[=:]\s*+["'][\w.-]"""
)


@RULES.of_files(
    "TF03-env-branch-in-code",
    INFO,
    "The code asks which environment it is in, and takes an address from the answer.",
    fix="Read the address itself from a variable.",
    why="Env vars are granular controls; a name such as staging is a group of them.",
    bad={"api.js": "const url = process.env.NODE_ENV === 'production'\n  ? 'https://api.shop.com' : 'https://dev.shop.com'\n"},
    good={"api.js": "const url = process.env.API_URL\n"},
    language=CODE,
    needles=[f"{quote}{name}{quote}" for name in _ENVIRONMENTS.split("|") for quote in "'\""],
)  # fmt: skip
def environment_is_asked_for(file: SourceFile) -> Iterator[Hit]:
    if not re.search(rb"(?i)[_.]env\b|environ|getenv|\bstage\b", file.data):
        return
    for line, match in in_code(file, _BRANCH):
        following = "\n".join(match.string[match.end() :].split("\n", 5)[:5])
        if _ADDRESS.search(following):
            yield Hit(file.path, line, f"An address depends on whether this is {match['name']}.")


_PLATFORM = (
    "DYNO|HEROKU_APP_NAME|KUBERNETES_SERVICE_HOST|KUBERNETES_PORT|K_SERVICE|FLY_APP_NAME|RENDER|RAILWAY_ENVIRONMENT"
    "|VERCEL|AWS_EXECUTION_ENV|AWS_LAMBDA_FUNCTION_NAME|WEBSITE_INSTANCE_ID|GAE_ENV|GAE_APPLICATION"
)
_SNIFFED = re.compile(
    rf"""(?:\bif\b|\belif\b|\bunless\b|&&|\|\||\bwhen\b)[^\n]{{0,60}}?(?:["'](?:{_PLATFORM})["']\s*(?:not\s+)?in\s+os\.environ"""
    rf"""|os\.environ\.get\(\s*["'](?:{_PLATFORM})["']|os\.getenv\(\s*["'](?:{_PLATFORM})["']|process\.env\.(?:{_PLATFORM})\b|ENV\[["'](?:{_PLATFORM})["']\]"""
    rf"""|ENV\.key\?\(["'](?:{_PLATFORM})["']|os\.(?:Getenv|LookupEnv)\("(?:{_PLATFORM})"\)|getenv\("(?:{_PLATFORM})"\))|process\.env\.(?:{_PLATFORM})\s*\?[^?.]"""
)


@RULES.of_files(
    "TF03-platform-sniff",
    WARNING,
    "The app finds out which platform it runs on.",
    fix="Name what differs by a variable of its own, and set it on that platform.",
    why="A clear contract with the platform is the environment; its name is none.",
    bad={"settings.py": "import os\n\nif 'DYNO' in os.environ:\n    SECURE_SSL_REDIRECT = True\n"},
    good={"settings.py": "import os\n\nSECURE_SSL_REDIRECT = os.environ.get('SSL_REDIRECT') == 'true'\n"},
    language=CODE,
    needles=tuple(_PLATFORM.split("|")),
)
def platform_is_asked_for(file: SourceFile) -> Iterator[Hit]:
    yield from (Hit(file.path, line) for line, _ in in_code(file, _SNIFFED))


_ADDRESSED = (
    "ADMINS|MANAGERS|DEFAULT_FROM_EMAIL|SERVER_EMAIL|MAIL_DEFAULT_SENDER|SITE_URL|BASE_URL|PUBLIC_URL|FRONTEND_URL"
    "|SERVER_NAME|SITE_DOMAIN|ALLOWED_HOSTS|CSRF_TRUSTED_ORIGINS|CORS_ALLOWED_ORIGINS|CORS_ORIGIN_WHITELIST"
    "|SESSION_COOKIE_DOMAIN"
)
_DOMAIN = r"(?:[\w-]+\.)+(?:com|org|net|io|dev|app|co|de|fr|uk|eu|ai|cloud|me|info)\b"
_ADDRESS_VALUE = re.compile(rf"""["'](?:https?://)?(?P<told>[\w.+-]+@{_DOMAIN}|\.?{_DOMAIN})(?::\d+)?/?["']""")
_HOST_NAMES = {
    "python": re.compile(
        rf"^[ \t]*(?:{_ADDRESSED})\s*(?::[^=\n]+)?=\s*(?P<value>\[[^\]]*\]|\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\n]+)",
        re.MULTILINE,
    ),
    "ruby": re.compile(r"(?:default_url_options|asset_host|\bhosts)\b\s*(?:=|<<)\s*(?P<value>[^\n]+)"),
    "javascript": re.compile(
        r"\b(?:baseUrl|siteUrl|publicUrl|hostName|hostname|frontendUrl|BASE_URL|SITE_URL|adminEmail|fromEmail)"
        r"\s*[:=]\s*(?P<value>[^\n]+)"
    ),
}  # fmt: skip
_HOST_NAMES["typescript"] = _HOST_NAMES["javascript"]
_ASKS = re.compile(r"environ|getenv|\benv[.(]|process\.env|\bENV\b|config\(")


@RULES.of_files(
    "TF03-hardcoded-hostname",
    WARNING,
    "An address of one deploy is a constant in the config.",
    fix="Read it from the environment.",
    why="Per-deploy values such as the canonical hostname are config.",
    bad={"config.py": "ADMINS = ['jo@shop.com']\n"},
    good={"config.py": "import os\n\nADMINS = os.environ['ADMINS'].split(',')\n"},
    language=tuple(_HOST_NAMES),
    needles=(*_ADDRESSED.split("|"), "default_url_options", "asset_host", "hosts", "baseUrl", "siteUrl", "publicUrl",
             "hostName", "frontendUrl", "adminEmail", "fromEmail"),
)  # fmt: skip
def address_is_a_constant(file: SourceFile) -> Iterator[Hit]:
    if not re.search(
        r"(?i)settings|config|constants|environments/production|__init__|app\.py|(^|/)(app|server|index)\.", file.path
    ):
        return
    for line, match in in_code(file, _HOST_NAMES[file.language]):
        found = _ADDRESS_VALUE.search(match["value"])
        if found and not _ASKS.search(match["value"]):
            yield Hit(file.path, line, f"{found['told']} is a constant in the config.")
