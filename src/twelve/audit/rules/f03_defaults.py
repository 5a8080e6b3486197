"""Factor III, what happens without config: defaults that everybody knows, secrets made up, debugging left on."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import environment, secrets, start
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.dockerfile import production_stages
from twelve.audit.facts.environment_python import debugging_lines
from twelve.audit.facts.pythons import keyword, name_of
from twelve.audit.model import Hit, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
ON = {"true", "1", "yes", "on"}
_NO_VALUE = {"", "none", "null", "nil", "false", "true", "0", "1"}


@RULES.of_code(
    "TF03-insecure-default",
    ERROR,
    "A secret has a default that everybody can read.",
    fix="Give it no default: an app that lacks a secret ends at once and names it.",
    why="The literal works in production as well, and whoever reads the code knows it.",
    verdict=Verdict.PARTIAL,
    bad={"config.py": "import os\n\nSECRET_KEY = os.environ.get('SECRET_KEY') or 'you-will-never-guess'\n"},
    good={"config.py": "import os\n\nSECRET_KEY = os.environ['SECRET_KEY']\n"},
)
def secret_has_a_default(code: Codebase) -> Iterator[Hit]:
    for read in code.fact(environment.reads):
        default = read.default
        if default is None or default.strip().lower() in _NO_VALUE or secrets.is_no_literal(default):
            continue
        if secrets.is_secret_name(read.name) and not secrets.names_something(read.name, default.strip("_")):
            told = f"{read.name} has a default in the code ({secrets.masked(default)})."
            if read.debugging:
                yield Hit(read.path, read.line, f"{told} It holds while debugging.", INFO)
            else:
                yield Hit(read.path, read.line, told)


_GENERAL = re.compile(r"(?:^|[.\"'\[(])(SECRET_KEY(?:_BASE)?|APP_SECRET|SECRET)(?:[\"'\])]|$)")


@RULES.of_code(
    "TF03-secret-fallback",
    WARNING,
    "A secret falls back to another secret.",
    fix="Require each secret by its own name.",
    why="Env vars are fully orthogonal to each other; one key that seals everything cannot be changed alone.",
    bad={"settings.py": "import os\n\nSIGNING_KEY = os.environ.get('SIGNING_KEY', SECRET_KEY)\n"},
    good={"settings.py": "import os\n\nSIGNING_KEY = os.environ['SIGNING_KEY']\n"},
)
def secret_falls_back(code: Codebase) -> Iterator[Hit]:
    for read in code.fact(environment.reads):
        other = read.otherwise
        if not other or read.debugging or not secrets.is_secret_name(read.name):
            continue
        name = re.fullmatch(r"(?:[\w]+\.)*(\w+)", other)
        constant = (
            name is not None and secrets.is_secret_name(name[1]) and name[1].upper() not in {read.name, "GETTOKEN"}
        )
        if (constant and "env" not in other) or ((general := _GENERAL.search(other)) and general[1] != read.name):
            yield Hit(read.path, read.line, f"{read.name} falls back to {other[:60]}.")


_MADE_UP = (
    r"(?:os\.urandom|secrets\.token_\w+|uuid\.uuid4|uuid4|get_random_secret_key|Fernet\.generate_key|get_random_string"
    r"|(?:crypto\.|require\([\"']crypto[\"']\)\.)?randomBytes|crypto\.randomUUID|randomUUID|uuidv4|nanoid|SecureRandom\.\w+)\("
)
_MADE_UP_CALL = re.compile(_MADE_UP)
_MADE_UP_KEY = re.compile(
    r"(?:(?<=\.)|[\"']|\b)(?P<name>SECRET_KEY(?:_BASE)?|secret_key(?=\s*=\s)|(?i:(?:jwt|cookie|app)_?(?:secret|key)|session_?secret)"
    r"|secret(?=\s*:))[\"'\]]{0,2}\s*(?::\s*str\s*=|=|:|,(?<=session_secret,))\s*"
    r"(?:str\(|bytes\()?" + _MADE_UP
)  # fmt: skip


@RULES.of_files(
    "TF03-random-secret-default",
    WARNING,
    "A secret is made up when the process starts.",
    fix="Require it from the environment: every process must have the same one.",
    why="Two processes, or one before and after a restart, cannot read what the other has sealed.",
    bad={"app.py": "import os\n\napp.secret_key = os.urandom(24)\n"},
    good={"app.py": "import os\n\napp.secret_key = os.environ['SECRET_KEY']\n"},
    language=("python", "javascript", "typescript", "ruby"),
    needles=("urandom", "token_hex", "token_urlsafe", "token_bytes", "uuid4", "uuidv4", "get_random_secret_key",
             "generate_key", "get_random_string", "randomBytes", "randomUUID", "nanoid", "SecureRandom"),
)  # fmt: skip
def secret_is_made_up(file: SourceFile) -> Iterator[Hit]:
    debugging: set[int] = set()
    lines = {line: match["name"] for line, match in in_code(file, _MADE_UP_KEY)}
    for read in environment.of_file(file):
        if secrets.is_secret_name(read.name) and _MADE_UP_CALL.search(read.otherwise):
            if read.debugging:
                debugging.add(read.line)
            lines[read.line] = read.name
    if lines and file.language == "python":
        debugging |= debugging_lines(file)
    yield from (
        Hit(file.path, line, f"{name} is made up by each process.")
        for line, name in lines.items()
        if line not in debugging
    )


@extraction(language="python", needles=("debug=True", "debug = True", "DEBUG = True", "DEBUG=True", "DEBUG = False"))
def debug_literals(file: SourceFile) -> list[tuple[str, int, bool]]:
    """("settings", line, on), ("run", line, True) for `app.run(debug=True)` and its like, ("attribute", line, on)."""
    found = []
    for node in file.nodes:
        if (isinstance(node, ast.ClassDef) and not re.search(r"(?i)dev|test|local|debug", node.name)) or isinstance(
            node, ast.Module
        ):
            found += [("settings", line, on) for line, on in _debug_in(node.body)]
        elif isinstance(node, ast.Call) and _is_true(keyword(node, "debug")):
            found.append(("run" if name_of(node.func).endswith(".run") else "created", node.lineno, True))
        elif isinstance(node, ast.Assign) and name_of(node.targets[0]).endswith(".debug") and _is_true(node.value):
            found.append(("created", node.lineno, True))
    return found


def _debug_in(body: list[ast.stmt]) -> Iterator[tuple[int, bool]]:
    for node in body:
        if (
            isinstance(node, ast.Assign)
            and name_of(node.targets[0]) == "DEBUG"
            and isinstance(node.value, ast.Constant)
        ):
            yield node.lineno, node.value.value is True


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


@RULES.of_code(
    "TF03-debug-on",
    ERROR,
    "Debugging is on unless somebody turns it off.",
    fix="Let it be off by default: DEBUG = os.environ.get('DEBUG') == 'true'.",
    why="A debugger in production shows the source, the config, and often a console.",
    bad={"Procfile": "web: python app.py\n", "app.py": "app.run(host='0.0.0.0', debug=True)\n"},
    good={"Procfile": "web: gunicorn app:app\n", "app.py": "app.run(host='0.0.0.0')\n"},
)
def debugging_is_on(code: Codebase) -> Iterator[Hit]:
    for read in code.fact(environment.reads):
        if re.search(r"(^|_)DEBUG$", read.name) and (read.default or "").strip().lower() in ON:
            yield Hit(read.path, read.line, f"{read.name} is on by default.", WARNING)
    yield from _literally_on(code)
    yield from _on_in_the_image(code)
    for command in code.fact(start.all_commands):
        if re.search(r"\bFLASK_DEBUG=(1|true)\b|\bflask\b.{0,200}?\s--debug\b", command.text):
            yield Hit(command.path, command.line, "The start command turns debugging on.")


def _literally_on(code: Codebase) -> Iterator[Hit]:
    rows = [(file.path, *row) for file, found in code.extracted(debug_literals) for row in found]
    turned_off = any(kind == "settings" and not on for _, kind, _, on in rows)
    for path, kind, line, on in rows:
        if not on:
            continue
        if kind == "settings":
            yield Hit(path, line, "DEBUG is True.", INFO if turned_off else None)
        elif _is_started(code, path) or kind == "created":
            yield Hit(path, line, "The app is started with debug=True.", None if kind == "run" else WARNING)
        else:
            yield Hit(path, line, "debug=True holds only where this file is run by hand.", INFO)


def _is_started(code: Codebase, path: str) -> bool:
    return any(
        command.program.startswith("python") and any(word.removeprefix("./") == path for word in command.words[1:])
        for command in code.fact(start.all_commands)
    )


def _on_in_the_image(code: Codebase) -> Iterator[Hit]:
    for stage in production_stages(code):
        for instruction in stage.of("ENV"):
            if match := re.search(r"\b(\w*DEBUG)(?:=|\s+)[\"']?(1|true|on)\b", instruction.value, re.IGNORECASE):
                yield Hit(instruction.path, instruction.line, f"The image sets {match[1]}.")
