"""Factor IX: processes start quickly and end gracefully."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import dockerfile, entries, grace, queues, server_files, servers, start
from twelve.audit.facts.imports import is_served
from twelve.audit.facts.pythons import name_of
from twelve.audit.facts.start import Command
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.audit.rules import f09_jobs, f09_signals

RULES = Rulebook()
RULES.rules += [*f09_signals.RULES.rules, *f09_jobs.RULES.rules]
LOOP = re.compile(r"^(?:while|until)\s")
WAITS = re.compile(
    r"wait-for-it\S{0,40}\s.{0,200}?(?:-t\s{0,9}0|--timeout=0)|dockerize\s.{0,200}?-wait\b(?!.{0,200}?-timeout)"
)
MANAGERS = {"npm", "npx", "yarn", "pnpm", "bun"}
PROGRAM = re.compile(r"\.[cm]?[jt]sx?$")  # what bun runs itself
SHELL = re.compile(r"^(?:/(?:usr/)?bin/)?(?:ba|da|a)?sh -\w*c$")
INITS = re.compile(r"\b(?:tini|dumb-init|s6-init|/init)\b")
DIES_ON_TERM = re.compile(r"^[ \t]*die-on-term[ \t]*=[ \t]*(?:true|1|yes|on)\b", re.MULTILINE)
HEAVY = {
    "requests.get", "requests.post", "urllib.request.urlopen", "urlopen", "httpx.get", "pickle.load", "joblib.load",
    "torch.load", "load_model", "keras.models.load_model", "tf.keras.models.load_model", "spacy.load", "nltk.download",
    "time.sleep", "hub.load", "torch.hub.load", "whisper.load_model", "pipeline", "SentenceTransformer",
    "CrossEncoder", "YOLO",
}  # fmt: skip


def witness(code: Codebase) -> Iterator[Evidence]:
    """What ends gracefully, and why."""
    for one in code.fact(start.starts):
        for command in one.chain:
            server = servers.of(command)
            if server and server.graceful:
                text = f"{server.name} finishes its requests on SIGTERM ({server.source})"
                yield Evidence(text, command.path, command.line)
    for place in code.fact(grace.serving):
        if place.grace:
            yield Evidence(f"{place.name}: {place.grace}", place.path, place.line)
    if code.fact(start.web) is None:
        for one in code.fact(start.starts):
            working = [known for known in queues.LIBRARIES if known.graceful and known.works(one.command)]
            for library in working[:1]:
                text = f"{library.name}'s workers finish their jobs on SIGTERM ({library.source})"
                yield Evidence(text, one.path, one.line)


@RULES.of_code(
    "TF09-no-sigterm",
    WARNING,
    "SIGTERM ends the server at once, with the requests it is answering.",
    fix="On SIGTERM close the listener, finish the requests at work, then exit.",
    why="Factor IX: on SIGTERM a web process ceases to listen, lets current requests finish, and exits.",
    bad={"Procfile": "web: node a.js\n", "a.js": "const app = require('express')()\napp.listen(process.env.PORT)\n"},
    good={
        "Procfile": "web: node a.js\n",
        "a.js": "const app = require('express')()\nconst server = app.listen(process.env.PORT)\n"
        "process.on('SIGTERM', () => server.close())\n",
    },
)
def no_sigterm(code: Codebase) -> Iterator[Hit]:
    for place in code.fact(grace.serving):
        if not place.grace:
            yield Hit(place.path, place.line, f"{place.name} ends at once on SIGTERM, amid its requests.")
    for one in code.fact(entries.web_starts)[:1]:
        for command in one.chain:
            server = servers.of(command)
            if server and not server.graceful and not ("uwsgi" in server.name and _dies_on_term(code, command)):
                yield Hit(command.path, command.line, f"{server.name} does not end gracefully ({server.source}).")


def _dies_on_term(code: Codebase, command: Command) -> bool:
    told = server_files.told(code, {server_files.UWSGI: DIES_ON_TERM})
    return "die-on-term" in command.text or any(True for _ in told)


@RULES.of_code(
    "TF09-shell-form-cmd",
    WARNING,
    "A shell stands between the platform and the app and may keep SIGTERM to itself.",
    fix='Use the exec form, `CMD ["program", ...]`, or `exec` before the last command.',
    why="Factor IX: the process has to receive SIGTERM itself to shut down gracefully.",
    bad={"Dockerfile": "FROM python:3.12\nCMD gunicorn app:app\n"},
    good={"Dockerfile": "FROM python:3.12\nCMD exec gunicorn app:app\n"},
)
def shell_in_between(code: Codebase) -> Iterator[Hit]:
    every = [*code.fact(start.starts), *code.fact(start.in_container)]
    for one in every:
        if one.origin == "Dockerfile":
            yield from _shell_in_an_image(code, one)
        elif one.origin == "Procfile" and one.type != "release" and _is_a_list(one.command):
            message = "A list of commands without `exec` before the last: the shell stays in between."
            yield Hit(one.path, one.line, message, INFO)


def _shell_in_an_image(code: Codebase, one: start.Start) -> Iterator[Hit]:
    stage = next((stage for stage in dockerfile.production_stages(code) if stage.path == one.path), None)
    entry, command = (stage.last("ENTRYPOINT"), stage.last("CMD")) if stage else (None, None)
    told = entry or command
    last = one.chain[-1] if one.chain else None
    if told is None or last is None or INITS.search(told.value):
        return
    shell = told.argv is None or bool(SHELL.match(" ".join(told.argv[:2])))
    script = last.path != one.path and last.path.endswith((".sh", ".bash"))
    passed_on = re.search(r"\bexec\b|^\$@|\"\$@\"", last.text)
    if (shell or script) and not passed_on and not INITS.search(last.text):
        where = (last.path, last.line) if script else (told.path, told.line)
        yield Hit(*where, f"The shell starts `{last.text}` without exec and gets SIGTERM in its place.")


def _is_a_list(command: str) -> bool:
    parts = re.split(r"&&|;", command)
    return len(parts) > 1 and not parts[-1].strip().startswith("exec ")


@RULES.of_code(
    "TF09-npm-pid1",
    WARNING,
    "A package manager is the container's first process and does not hand SIGTERM on.",
    fix='Start the program itself: `CMD ["node", "server.js"]`.',
    why="Factor IX: the process has to receive SIGTERM itself to shut down gracefully.",
    bad={"Dockerfile": 'FROM node:22\nCMD ["npm", "start"]\n', "package.json": '{"scripts": {"start": "node a.js"}}'},
    good={"Dockerfile": 'FROM node:22\nCMD ["node", "a.js"]\n'},
)
def npm_in_between(code: Codebase) -> Iterator[Hit]:
    for stage in dockerfile.production_stages(code)[:1]:
        entry, command = stage.last("ENTRYPOINT"), stage.last("CMD")
        for told in [one for one in (entry, command) if one is not None]:
            words = told.argv or told.value.removeprefix("exec ").split()
            if _is_manager(words) and not (entry and INITS.search(entry.value)):
                yield Hit(told.path, told.line, f"{words[0]} is the container's first process.")
    for one in (*code.fact(start.starts), *code.fact(start.in_container)):
        last = one.chain[-1] if one.chain and one.origin == "Dockerfile" else None
        if last and last.text.startswith("exec ") and last.path != one.path and _is_manager(last.words):
            yield Hit(last.path, last.line, f"{last.program} is the container's first process.")


def _is_manager(words: list[str]) -> bool:
    return words[:1] != [] and words[0] in MANAGERS and not (words[0] == "bun" and PROGRAM.search(" ".join(words[:3])))


@RULES.of_code(
    "TF09-boot-wait-loop",
    INFO,
    "The start waits in a loop without end for a backing service.",
    fix="Retry with a limit, then exit; the platform starts the process again.",
    why="Factor IX: processes strive to minimize startup time.",
    bad={
        "Procfile": "web: ./boot.sh\n",
        "boot.sh": "until nc -z db 5432; do\n  sleep 1\ndone\nexec gunicorn app:app\n",
    },
    good={"Procfile": "web: gunicorn app:app\n"},
)
def waits_for_a_service(code: Codebase) -> Iterator[Hit]:
    for one in (*code.fact(start.starts), *code.fact(start.in_container)):
        commands = [command for command in one.chain if one.type != "release"]
        for command in commands:
            if (LOOP.match(command.text) and _sleeps(commands, command)) or WAITS.search(command.text):
                yield Hit(command.path, command.line)


def _sleeps(commands: list[Command], loop: Command) -> bool:
    after = commands[commands.index(loop) :]
    return any(re.search(r"\bsleep\b", command.text) for command in after)


@RULES.of_code(
    "TF09-heavy-import",
    INFO,
    "Importing the app reaches over the network or loads a model.",
    fix="Do it when the app starts serving (lifespan, on_boot), or on the first use.",
    why="Factor IX: processes strive to minimize startup time.",
    bad={
        "Procfile": "web: gunicorn app:app\n",
        "app.py": "import requests\nRATES = requests.get('https://x').json()\n",
    },
    good={
        "Procfile": "web: gunicorn app:app\n",
        "app.py": "import requests\ndef rates():\n    return requests.get('https://x')\n",
    },
)
def heavy_imports(code: Codebase) -> Iterator[Hit]:
    candidates = code.extracted(heavy)
    if not candidates or code.fact(start.web) is None:
        return
    for file, told in candidates:
        if is_served(code, file):
            yield from (Hit(file.path, line, f"{name}() runs when the app is imported.") for line, name in told)


@extraction(
    language="python",
    needles=("requests.", "urlopen", "httpx.", "pickle.", "joblib.", "torch.", "load_model", "spacy.", "nltk.",
             "from_pretrained", "time.sleep", "pipeline(", "SentenceTransformer(", "CrossEncoder(", "YOLO("),
)  # fmt: skip
def heavy(file: SourceFile) -> list[tuple[int, str]]:
    """(line, call) of what runs when the module is imported."""
    found = []
    for node in _at_import(file.python.body if file.python else []):
        if isinstance(node, ast.Call):
            name = name_of(node.func)
            if name in HEAVY or name.endswith(".from_pretrained"):
                found.append((node.lineno, name))
    return found


def _at_import(body: list[ast.stmt]) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))
