"""Factor III, config that lives in files: env files, images, manifests, and files beside the code."""

import re
from collections.abc import Iterator
from typing import Any

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import manifests, secrets, start, yamls
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.dockerfile import Instruction, production_stages
from twelve.audit.model import Hit, Severity, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
RUNNING = (Kind.PRODUCTION, Kind.DEVELOPMENT, Kind.BUILD)
SHARED_WORDS = r"(example|sample|template|dist|tpl|defaults?|schema|test|ci)"
_ENV_LINE = re.compile(r"^[ \t]*+(?:export[ \t]++)?([A-Za-z_]\w*+)[ \t]*+=[ \t]*+(.*)$", re.MULTILINE)
_URL_PASSWORD = re.compile(r"://[^/\s:@]*:([^@\s/]+)@")


@RULES.of_code(
    "TF03-env-file-committed",
    WARNING,
    "An env file is under version control.",
    fix="Untrack it (`git rm --cached`), ignore it, and keep a .env.example that names the variables.",
    why="Config files can be checked in by accident; env vars leave no chance of it, unless they are a file again.",
    bad={".env": "STRIPE_SECRET_KEY=s8d7f6g5h4j3k2l1q9w8\n"},
    good={".env.example": "STRIPE_SECRET_KEY=\n"},
)
def env_file_is_tracked(code: Codebase) -> Iterator[Hit]:
    for file in code.find(".env", ".env.*", "*.env", ".flaskenv", kinds=RUNNING):
        if file.tracked and not re.search(rf"(?i){SHARED_WORDS}", file.name):
            line, name, severity = worst_of(file)
            told = f"holds {name}" if name else "holds no secret"
            yield Hit(file.path, line, f"{file.name} {code.keeps}; it {told}.", severity)


def worst_of(file: SourceFile) -> tuple[int, str, Severity]:
    """The line and name of what must not be there, and how bad that is."""
    found: tuple[int, str, Severity] = (1, "", INFO)
    for line, match in file.search(_ENV_LINE):
        name, value = match[1], match[2].strip().strip("\"'")
        password = _URL_PASSWORD.search(value)
        if password is None and not secrets.is_secret_name(name):
            continue
        value = password[1] if password else value
        if secrets.is_random(value) and not secrets.is_placeholder(value) and not secrets.is_no_literal(value):
            return line, name, WARNING if file.kind is Kind.DEVELOPMENT else ERROR
        if value and not secrets.is_placeholder(value) and file.kind is not Kind.DEVELOPMENT:
            found = (line, name, WARNING)
    return found


_LOADED = re.compile(
    r"""(?:load_dotenv|["']?dotenv|env_file|read_env|Dotenv|godotenv)[^\n]{0,80}["'/]\.?[\w-]*\.?env\.(?:example|sample|template|dist)\b"""
)
_COPIED = re.compile(r"\bcp\s+(?:-\w+\s+)?\S*\.env\.(?:example|sample|template|dist)\s+\S*\.env\b")


@extraction(
    language=("python", "javascript", "typescript", "ruby", "go"),
    needles=("env.example", "env.sample", "env.template", "env.dist"),
)
def examples_loaded(file: SourceFile) -> list[int]:
    return [line for line, _ in in_code(file, _LOADED)]


@RULES.of_code(
    "TF03-example-env-loaded",
    ERROR,
    "The app takes its config from an example file.",
    fix="Load .env only, in development only; production has its variables from the platform.",
    why="What is an example for people becomes production's config, and it is in version control.",
    bad={"config.py": "from dotenv import load_dotenv\n\nload_dotenv('.env.example')\n"},
    good={"config.py": "from dotenv import load_dotenv\n\nload_dotenv('.env')\n"},
)
def example_is_loaded(code: Codebase) -> Iterator[Hit]:
    for file, lines in code.extracted(examples_loaded):
        yield from (Hit(file.path, line) for line in lines)
    for command in code.fact(start.all_commands):
        if _COPIED.search(command.text):
            yield Hit(command.path, command.line, "The start command copies an example to .env.")
    for stage in production_stages(code):
        for run in stage.of("RUN"):
            if _COPIED.search(run.value):
                yield Hit(run.path, run.line, "The image's .env is a copy of the example.")


@RULES.of_code(
    "TF03-secret-in-image",
    ERROR,
    "The image holds a secret or an env file.",
    fix="Give it to the process when it starts; what a build needs goes through `RUN --mount=type=secret`.",
    why="Config is stored in the environment, apart from the build: whoever has the image has the secret.",
    bad={"Dockerfile": 'FROM python:3.13\nCOPY .env .env\nCMD ["gunicorn", "app:app"]\n'},
    good={"Dockerfile": 'FROM python:3.13\nRUN SECRET_KEY=dummy python manage.py collectstatic\nCMD ["gunicorn"]\n'},
)  # fmt: skip
def secret_is_in_the_image(code: Codebase) -> Iterator[Hit]:
    """An image beside another way to start production is not the default way."""
    origins = {one.path for one in code.fact(start.starts)}
    for stage in production_stages(code):
        meaning = Verdict.FAIL if not origins or stage.path in origins else Verdict.PARTIAL
        for one in stage.instructions:
            if message := _baked(one):
                yield Hit(one.path, one.line, message, verdict=meaning)


def _baked(one: Instruction) -> str:
    if one.keyword in {"COPY", "ADD"} and "--from=" not in one.value:
        sources = [word for word in one.value.split() if not word.startswith("--")][:-1]
        envs = [word for word in sources if re.search(r"(^|/|\.)(env|flaskenv)(\.\w+)?$", word)]
        named = [word for word in envs if not re.search(rf"(?i){SHARED_WORDS}", word)]
        return f"The image holds {named[0]}." if named else ""
    if one.keyword in {"ENV", "ARG"}:
        for name, value in re.findall(r"\b([A-Za-z_]\w*+)(?:=|\s++)(\"[^\"]*+\"|'[^']*+'|\S++)", one.value):
            text = value.strip("\"'")
            known = one.keyword == "ARG" and secrets.is_placeholder(text)
            if (
                secrets.is_secret_name(name)
                and text
                and "$" not in text
                and not known
                and not secrets.is_no_literal(text)
            ):
                return f"The image sets {name} ({secrets.masked(text)})."
    return ""


_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod", "ConfigMap", "ReplicaSet"}


@RULES.of_code(
    "TF03-secret-in-manifest",
    WARNING,
    "A manifest holds a secret's value.",
    fix="Name where it is kept instead: secretKeyRef, `generator: secret`, or a variable of the platform.",
    why="Manifests are under version control, and so is the credential in them.",
    bad={"k8s/app.yaml": "kind: Deployment\nspec:\n  env:\n    - name: DB_PASSWORD\n      value: hunter-2-hunter\n"},
    good={
        "k8s/app.yaml": "kind: Deployment\nspec:\n  env:\n    - name: DB_PASSWORD\n      valueFrom:\n"
        "        secretKeyRef: {name: db, key: password}\n"
    },
)
def secret_is_in_a_manifest(code: Codebase) -> Iterator[Hit]:
    for file in code.written_in("yaml", kinds=(Kind.PRODUCTION, Kind.DEVELOPMENT)):
        if re.search(rb"(?i)passw|secret|token|key", file.data):
            compose = re.search(r"compose[^/]*$", file.path) is not None
            for document in yamls.documents(file):
                if compose or _is_manifest(document):
                    yield from _in_tree(file, document, compose=compose)
    if (app := code.get("app.json")) and isinstance(data := manifests.parsed_json(app), dict):
        yield from _in_app_json(app, data.get("env"))


def _is_manifest(document: Any) -> bool:
    return isinstance(document, dict) and (document.get("kind") in _WORKLOADS or "services" in document)


def _in_tree(file: SourceFile, node: Any, *, compose: bool) -> Iterator[Hit]:
    if isinstance(node, yamls.Map):
        if isinstance(name := node.get("name") or node.get("key"), str) and isinstance(value := node.get("value"), str):
            yield from _told(file, node.lines["value"], name, value, compose=compose)
        for key, value in node.items():
            if isinstance(value, str):
                yield from _told(file, node.lines.get(key, 1), key, value, compose=compose)
            else:
                yield from _in_tree(file, value, compose=compose)
    elif isinstance(node, yamls.Seq):
        for value, line in zip(node, node.lines, strict=True):
            if isinstance(value, str) and (pair := re.match(r"([A-Za-z_]\w*)=(.+)", value)):
                yield from _told(file, line, pair[1], pair[2], compose=compose)
            else:
                yield from _in_tree(file, value, compose=compose)


def _told(file: SourceFile, line: int, name: str, value: str, *, compose: bool) -> Iterator[Hit]:
    """A database of a compose file for development needs no real password."""
    if not secrets.is_secret_name(name) or not value or secrets.is_no_literal(value) or "$" in value:
        return
    if value.lower() in {"true", "false", "yes", "no"} or name in {"key", "secret"}:
        return
    real = secrets.is_random(value) and not secrets.is_placeholder(value)
    production = re.search(r"prod|deploy|swarm|stack", file.name) is not None
    message = f"{name} is in {file.name} ({secrets.masked(value)})."
    if compose and not real and not production:
        yield Hit(file.path, line, f"{message} It is for development.", INFO)
    else:
        yield Hit(file.path, line, message)


def _in_app_json(file: SourceFile, env: Any) -> Iterator[Hit]:
    for name, told in env.items() if isinstance(env, dict) else []:
        value = told.get("value") if isinstance(told, dict) else told
        if isinstance(value, str) and value and secrets.is_secret_name(name) and not secrets.is_no_literal(value):
            line = manifests.line_of(file, f'"{name}"')
            yield Hit(file.path, line, f"app.json gives {name} a value that everybody knows ({secrets.masked(value)}).")


_CONFIG_NAMES = (
    r"[\w./-]*(?:config|settings|secrets|credentials|local_settings)[\w-]*\.(?:ini|cfg|json|ya?ml|toml|py|js)"
)
_CONFIG_READ = re.compile(
    rf"""(?:open|\.read|from_pyfile|from_json|from_file|readFileSync|readFile|require|ReadFile|load_file)\(\s*["'](?P<path>{_CONFIG_NAMES})["']"""
    r"""(?!\s*,\s*["'](?:w|a))"""
)  # fmt: skip
_LOCAL_IMPORT = re.compile(
    r"^[ \t]*from\s+\.?(?P<module>[\w.]*local_settings|[\w.]*settings_local|[\w.]*settings\.local)\s+import",
    re.MULTILINE,
)


@extraction(
    language=("python", "javascript", "typescript", "ruby", "go"),
    needles=("config", "settings", "secrets", "credentials"),
)
def config_files_read(file: SourceFile) -> list[tuple[str, int]]:
    """Paths that a file reads config from and cannot do without."""
    patterns = (_CONFIG_READ, _LOCAL_IMPORT) if file.language == "python" else (_CONFIG_READ,)
    found = [(match, line) for pattern in patterns for line, match in in_code(file, pattern)]
    return [
        (match.groupdict().get("path") or match["module"].replace(".", "/").lstrip("/") + ".py", line)
        for match, line in found
        if not _is_optional(file, match.start())
    ]


@RULES.of_code(
    "TF03-config-file-required",
    WARNING,
    "The app needs a config file that is not in the codebase.",
    fix="Read each value from the environment.",
    why="Config files tend to be scattered about in different places and formats, and to be specific to a language.",
    bad={"app.py": "import configparser\n\nparser = configparser.ConfigParser()\nparser.read('config.ini')\n"},
    good={"app.py": "import os\n\nDATABASE_URL = os.environ['DATABASE_URL']\n"},
)
def config_file_is_needed(code: Codebase) -> Iterator[Hit]:
    for file, wanted in code.extracted(config_files_read):
        for path, line in wanted:
            if not _is_there(code, file, path):
                yield Hit(file.path, line, f"{path} is read, and it is not in the codebase.")


def _is_there(code: Codebase, file: SourceFile, wanted: str) -> bool:
    """Outside of the app's own directory a platform may mount secrets."""
    if wanted.startswith("/"):
        return True
    tail = re.sub(r"^(\.{1,2}/)+", "", wanted)
    return any(path == tail or path.endswith(f"/{tail}") for path in code.files if path != file.path)


def _is_optional(file: SourceFile, offset: int) -> bool:
    before = file.text[max(0, offset - 160) : offset + 120]
    return bool(re.search(r"\btry\b|exists\(|silent\s*=\s*True|is_file\(|isfile\(", before))


_CONFIG_WRITE = re.compile(
    r"""open\(\s*["'](?:[\w./-]*/)?(?:\.env|config\.\w+|settings\.\w+)["']\s*,\s*["'][wa]"""
    r"""|\bset_key\(\s*["'\w]|(?:writeFile|writeFileSync)\(\s*["'`](?:[\w./-]*/)?(?:\.env|config\.json|settings\.json)["'`]"""
    r"""|File\.(?:write|open)\(\s*["'](?:[\w./-]*/)?(?:\.env|config\.\w+|settings\.\w+)["']\s*,\s*["']"""
)


@RULES.of_files(
    "TF03-config-file-written",
    WARNING,
    "The app writes its own config.",
    fix="Let the platform change config, by a new release; what users set belongs into a database.",
    why="What one process writes, no other process and no later one has.",
    bad={"setup_page.py": "def save(key):\n    with open('.env', 'a') as file:\n        file.write(f'KEY={key}')\n"},
    good={"setup_page.py": "def save(key):\n    Setting.objects.create(name='key', value=key)\n"},
    language=("python", "javascript", "typescript", "ruby"),
    needles=("open(", "set_key(", "writeFile", "File.write"),
)
def config_is_written(file: SourceFile) -> Iterator[Hit]:
    yield from (Hit(file.path, line) for line, _ in in_code(file, _CONFIG_WRITE))
