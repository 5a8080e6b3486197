"""Factor VIII: scale out by processes of declared types, which never daemonise."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries, ports, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.start import Command
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook
from twelve.audit.rules import f08_types

RULES = Rulebook()
RULES.rules += f08_types.RULES.rules
DAEMON = re.compile(
    r"^(?:nohup|setsid|daemonize|start-stop-daemon)\b|\s--daemon(?:ize)?(?![\w-]|[= ](?:false|off|no))|\s--detach\b"
    r"|\bcelery\s+multi\s+start|\b(?:apachectl|apache2ctl|nginx)\s+(?:start\b|-s\b)|^service\s+\S+\s+start\b"
    r"|\bpm2\s+start\b(?!.*--no-daemon)|\bforever\s+start\b|^(?:gunicorn|celery|puma|unicorn|rackup|uwsgi|thin)\b.*\s-[Dd]\b"
)
BACKGROUND = re.compile(r"(?<![&>\d|])&(?![&>\d])")
SUPERVISOR = re.compile(
    r"^(?:forever|pm2-runtime|pm2|supervisord?|circusd|monit|runsvdir|s6-svscan|god|immortal|eye|bluepill)\b"
)
MANAGER = re.compile(
    r"^(?:honcho|foreman|overmind|goreman|hivemind|concurrently|npm-run-all|run-p|mprocs)\b(?!.*\brun\b)"
)
EMBEDDED = re.compile(r"--attach-daemon\d?\b|\bcelery\b.{0,200}?\s(?:-B|--beat)\b|\battach-daemon\b")
PID_OPTION = re.compile(r"\s--?pid(?:-?file)?[= ]\s*['\"]?([^\s'\"]+)|^(?:gunicorn)\b.*\s-p[= ]?\s*(/?\S+\.pid)")
PID_WRITTEN = re.compile(
    r"(?:open|writeFileSync|writeFile|write_text|File\.write|WriteFile|Create|pidfile|PIDFile)\b[^\n]{0,200}?['\"`][^'\"`\s]{0,200}\.pid['\"`]"
)
WORKERS = re.compile(
    r"(?:--workers|--concurrency|--processes)[= ]\s*(\d+)\b|^(?:gunicorn|puma|uvicorn)\b.*\s-w[= ]?\s*(\d+)\b"
)
ENDLESS = re.compile(r"^while\s+(?:true|:|\[\s*1\s*\])")
FORKED = re.compile(r"\bDaemonContext\s*\(|\bProcess\.daemon\b|\bos\.setsid\s*\(|\bdaemonize\s*\(")


def witness(code: Codebase) -> Iterator[Evidence]:
    """The process types that are declared; the rules say that none of them daemonises."""
    for one in code.fact(start.starts):
        if one.type != "release":
            yield Evidence(f"Process type {one.type}: `{one.command}` stays in the foreground", one.path, one.line)


@RULES.of_code(
    "TF08-daemonize",
    ERROR,
    "A process goes into the background.",
    fix="Run it in the foreground; the platform starts it, watches it and starts it again.",
    why="Factor VIII: twelve-factor app processes should never daemonize or write PID files.",
    bad={"Procfile": "web: gunicorn app:app --daemon\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def goes_into_the_background(code: Codebase) -> Iterator[Hit]:
    for chain in _chains(code):
        for command in chain:
            alone = command is chain[-1] and command.text.rstrip().endswith("&") and BACKGROUND.search(command.text)
            if DAEMON.search(" ".join(command.words)) or alone:
                yield Hit(command.path, command.line, f"`{command.text}` runs in the background.")
    for file, lines in code.extracted(daemonising):
        yield from (Hit(file.path, line, "The code puts its process into the background.") for line in lines)


@extraction(language=("python", "ruby"), needles=("DaemonContext", "Process.daemon", "os.setsid", "daemonize"))
def daemonising(file: SourceFile) -> list[int]:
    text = uncommented(file)
    found = [match for match in FORKED.finditer(text) if not _is_definition(text, match)]
    # A new session alone is how a child is started so that all of it can be ended.
    return [file.line_at(match.start()) for match in found if "setsid" not in match[0] or "os.fork(" in text]


def _is_definition(text: str, match: re.Match[str]) -> bool:
    return text[: match.start()].rstrip().endswith("def")


@RULES.of_code(
    "TF08-nested-supervisor",
    WARNING,
    "A supervisor inside the process starts the app again.",
    fix="Start the app itself; the platform's process manager handles crashes and restarts.",
    why="Factor VIII: rely on the operating system's process manager to respond to crashed processes and restarts.",
    bad={"Procfile": "web: forever -m 5 server.js\n"},
    good={"Procfile": "web: node server.js\n"},
)
def supervised_inside(code: Codebase) -> Iterator[Hit]:
    for chain in _chains(code):
        for command in chain:
            if SUPERVISOR.match(_called(command)):
                yield Hit(command.path, command.line, f"{command.program} supervises inside the process.")
        stays = chain[-1] if chain else None
        loop = next((one for one in chain if ENDLESS.match(one.text)), None)
        if loop and stays and stays.text.startswith("done"):
            yield Hit(loop.path, loop.line, "A loop of the shell starts the app again.")
    for entry in code.fact(entries.web_entries):
        yield from _reloaders(entry)


def _reloaders(entry: entries.Entry) -> Iterator[Hit]:
    """`app.run(debug=True)`: werkzeug's parent process watches files and starts the app again."""
    if entry.runs and entry.file.language == "python":
        for call in ports.serving_calls(entry.file):
            told = {one.arg for one in call.keywords if getattr(one.value, "value", None) is True}
            if told & {"debug", "reload", "use_reloader"}:
                yield Hit(entry.file.path, call.lineno, "The reloader of the development server starts the app again.")


@RULES.of_code(
    "TF08-multi-process-container",
    WARNING,
    "One process type starts several different programs.",
    fix="Give each program a process type of its own: `web: ...`, `worker: ...`.",
    why="Factor VIII: each type of work is assigned to a process type, so that it scales by itself.",
    bad={"Procfile": "web: celery -A app worker & gunicorn app:app\n"},
    good={"Procfile": "web: gunicorn app:app\nworker: celery -A app worker\n"},
)
def several_programs(code: Codebase) -> Iterator[Hit]:
    for chain in _chains(code):
        for command in chain:
            called = _called(command)
            behind = BACKGROUND.search(command.text) and not command.text.rstrip().endswith("&")
            before = command.text.rstrip().endswith("&") and command is not chain[-1]
            if behind or before or MANAGER.match(called) or EMBEDDED.search(called):
                yield Hit(command.path, command.line, f"`{command.text}` starts a second program beside the first.")


@RULES.of_code(
    "TF08-pidfile",
    WARNING,
    "A process writes a PID file.",
    fix="Drop it: the platform knows the processes it started.",
    why="Factor VIII: twelve-factor app processes should never daemonize or write PID files.",
    bad={"Procfile": "web: gunicorn app:app --pid /tmp/app.pid\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def pid_file(code: Codebase) -> Iterator[Hit]:
    for command in (one for chain in _chains(code) for one in chain):
        match = PID_OPTION.search(" ".join(command.words))
        if match and (match[1] or match[2]) not in {"/dev/null", "''", '""'}:
            yield Hit(command.path, command.line, f"{command.program} writes {match[1] or match[2]}.")
    for file, lines in code.extracted(pid_files_written):
        yield from (Hit(file.path, line) for line in lines)


@extraction(language=("python", "ruby", "javascript", "typescript", "go"), needles=(".pid",))
def pid_files_written(file: SourceFile) -> list[int]:
    """Not those that only an environment variable asks for."""
    found = PID_WRITTEN.finditer(uncommented(file))
    lines = [(file.line_at(match.start()), match[0]) for match in found]
    return [
        line for line, text in lines if not re.search(r"\bif\s+ENV\b", file.lines[line - 1]) and ".env." not in text
    ]


@RULES.of_code(
    "TF08-fixed-workers",
    INFO,
    "The number of worker processes is fixed in the start command.",
    fix="Leave it to WEB_CONCURRENCY, and scale by processes.",
    why="Factor VIII: scaling out is done with the process model; the number belongs to the deploy.",
    bad={"Procfile": "web: gunicorn app:app --workers 4\n"},
    good={"Procfile": "web: gunicorn app:app\n"},
)
def fixed_workers(code: Codebase) -> Iterator[Hit]:
    for command in (one for chain in _chains(code) for one in chain):
        if match := WORKERS.search(" ".join(command.words)):
            number = match[1] or match[2]
            yield Hit(command.path, command.line, f"{command.program} starts {number} workers in every deploy.")


def _chains(code: Codebase) -> Iterator[tuple[Command, ...]]:
    for one in (*code.fact(start.starts), *code.fact(start.in_container)):
        if one.type != "release":
            yield one.chain


def _called(command: Command) -> str:
    return " ".join([command.program, *command.words[1:]])
