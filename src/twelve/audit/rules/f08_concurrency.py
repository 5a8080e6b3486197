"""Factor VIII: scale out by processes of declared types, which never daemonise."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries, ports, server_files, servers, start
from twelve.audit.facts.comments import in_code
from twelve.audit.facts.optional import opted_into
from twelve.audit.facts.pythons import calls, name_of
from twelve.audit.facts.server_files import GUNICORN, PUMA, UWSGI
from twelve.audit.facts.start import Command
from twelve.audit.model import Evidence, Hit
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook
from twelve.audit.rules import f08_pidfiles, f08_types

RULES = Rulebook()
RULES.rules += [*f08_types.RULES.rules, *f08_pidfiles.RULES.rules]
DAEMON = re.compile(
    r"^(?:nohup|setsid|daemonize|start-stop-daemon)\b|\s--daemon(?:ize)?(?![\w-]|[= ](?:false|off|no))|\s--detach\b"
    r"|\bcelery\s+multi\s+start|\b(?:apachectl|apache2ctl|nginx)\s+(?:start\b|-s\b)|^service\s+\S+\s+start\b"
    r"|\bpm2\s+start\b(?!.*--no-daemon)|\bforever\s+start\b|^(?:gunicorn|celery|puma|unicorn|rackup|uwsgi|thin)\b.*\s-[Dd]\b"
    r"|^(?:rails\s+s(?:erver)?|sidekiq)\b.*\s-d\b|^delayed_job\s.*\bstart\b"
    r"|^php-fpm\S*\s.*-D\b|^screen\s.*-dm|^screen\s+-d\s+-m|^tmux\s+new(?:-session)?\b.*\s-d\b"
)
# Programs that go into the background by themselves, so that the next command is reached.
LEAVES = re.compile(r"^(?:crond?(?!.*\s-[fn]\b)|nginx(?!.*daemon off))(?:\s|$)")
IN_FILES = {
    GUNICORN: re.compile(r"^daemon\s*=\s*True\b", re.MULTILINE),
    UWSGI: re.compile(r"^[ \t]*daemonize2?[ \t]*=[ \t]*\S", re.MULTILINE),
    PUMA: re.compile(r"^[ \t]*daemonize(?:[ \t]+true)?[ \t]*$", re.MULTILINE),
}
BACKGROUND = re.compile(r"(?<![&>\d|])&(?![&>\d])")
SUPERVISOR = re.compile(
    r"^(?:forever|pm2-runtime|pm2|supervisord?|circusd|monit|runsvdir|s6-svscan|watchmedo|god|immortal|eye|bluepill)\b"
)
MANAGER = re.compile(
    r"^(?:honcho|foreman|overmind|goreman|hivemind|concurrently|npm-run-all|run-p|mprocs)\b(?!.*\brun\b)"
)
EMBEDDED = re.compile(r"--attach-daemon\d?\b|\bcelery\b.{0,200}?\s(?:-B|--beat)\b|\battach-daemon\b")
WORKERS = re.compile(
    r"^pm2(?:-runtime)?\b.*\s-i[= ]?\s*([1-9]\d*)\b|(?:--workers|--concurrency|--processes)[= ]\s*(\d+)\b"
    r"|^(?:gunicorn|puma|uvicorn)\b.*\s-w[= ]?\s*(\d+)\b"
)
ENDLESS = re.compile(r"^while\s+(?:true|:|\[\[?\s*1\s*\]?\])")
IDLE = {"sleep", "echo", "printf", "date", "true", "wait", ":"}
FORKED = re.compile(
    r"\bProcess\.daemon\b|\bDaemons\.(?:run(?:_proc)?|daemonize)\b|\.Reborn\s*\(\s*\)"
    r"|\brequire\s*\(\s*['\"](?:daemon|daemonize2?)['\"]\s*\)"
)
DAEMONISING = {"DaemonContext", "daemonize", "Daemonize"}
# Programs of another process type that a server starts beside itself.
BESIDE = {
    UWSGI: re.compile(r"^[ \t]*(?:smart-)?attach-daemon\d?[ \t]*=[ \t]*\S", re.MULTILINE),
    PUMA: re.compile(
        r"^[ \t]*plugin[ \t(]*:(?:solid_queue|good_job)\b\)?[ \t]*$|\bSidekiq\.configure_embed\b", re.MULTILINE
    ),
    ("production.rb", "application.rb", "good_job.rb"): re.compile(r"\bexecution_mode\s*=\s*:async\w*"),
}
KILLERS = re.compile(r"\bPumaWorkerKiller\.(?:start|enable_rolling_restart)\b|\bUnicorn::WorkerKiller\b")
SET_WORKERS = {
    GUNICORN: re.compile(r"^workers\s*=\s*(\d+)[ \t]*$", re.MULTILINE),
    PUMA: re.compile(r"^[ \t]*workers[ \t(]*([1-9]\d*)\b", re.MULTILINE),
}


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
            if _leaves(command, last=command is chain[-1]):
                yield Hit(command.path, command.line, f"`{command.text}` runs in the background.")
    for file, line, _ in server_files.told(code, IN_FILES):
        yield Hit(file.path, line, "The server goes into the background.")
    for file, lines in code.extracted(daemonising):
        yield from (Hit(file.path, line, "The code puts its process into the background.") for line in lines)


def _leaves(command: Command, *, last: bool) -> bool:
    if DAEMON.search(_called(command)) or command.text.startswith("/etc/init.d/"):
        return True
    if last:
        return command.text.rstrip().endswith("&") and bool(BACKGROUND.search(command.text))
    return bool(LEAVES.match(_called(command)))


@extraction(
    language=("python", "ruby", "javascript", "typescript", "go"),
    needles=(
        "DaemonContext",
        "Process.daemon",
        "os.setsid",
        "aemonize",
        "Daemons.",
        ".Reborn(",
        "'daemon'",
        '"daemon"',
    ),
)
def daemonising(file: SourceFile) -> list[int]:
    """Not where somebody has to ask for it, as with an option."""
    if file.language != "python":
        return [line for line, _ in in_code(file, FORKED)]
    named = [(name_of(call.func), call) for call in calls(file)]
    # A new session alone is how a child is started so that all of it can be ended.
    forks = any(name == "os.fork" for name, _ in named)
    found = [call for name, call in named if _daemonises(name, forks=forks)]
    return [call.lineno for call in found if not opted_into(file, call)]


def _daemonises(name: str, *, forks: bool) -> bool:
    return name.rpartition(".")[2] in DAEMONISING or (forks and name == "os.setsid")


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
            if SUPERVISOR.match(_called(command)) or command.words[:1] == ["/init"]:
                yield Hit(command.path, command.line, f"{command.program} supervises inside the process.")
        if loop := _endless(chain):
            yield Hit(loop.path, loop.line, "A loop of the shell starts the app again.")
    for file, lines in code.extracted(worker_killers):
        yield from (Hit(file.path, line, "A part of the app ends its workers to start them again.") for line in lines)
    for entry in code.fact(entries.web_entries):
        yield from _reloaders(entry)


def _endless(chain: tuple[Command, ...]) -> Command | None:
    """A loop of the shell that is the last thing to run, and runs a program again and again."""
    for place, one in enumerate(chain):
        body = [command.program for command in chain[place + 1 :]]
        if re.match(r"^until\s", one.text) and servers.of(one):
            return one
        if ENDLESS.match(one.text) and not set(body) <= IDLE:
            return None if {"break", "exit", "exec"} & set(body) else one
    return None


@extraction(language="ruby", needles=("WorkerKiller",))
def worker_killers(file: SourceFile) -> list[int]:
    return [line for line, _ in in_code(file, KILLERS)]


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
    for file, line, _ in server_files.told(code, BESIDE):
        yield Hit(file.path, line, "The server starts a second program beside itself.")


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
            number = match[1] or match[2] or match[3]
            yield Hit(command.path, command.line, f"{command.program} starts {number} workers in every deploy.")
    for file, line, told in server_files.told(code, SET_WORKERS):
        yield Hit(file.path, line, f"The server starts {told[1]} workers in every deploy.")


def _chains(code: Codebase) -> Iterator[tuple[Command, ...]]:
    for one in (*code.fact(start.starts), *code.fact(start.in_container)):
        if one.type != "release":
            yield one.chain


def _called(command: Command) -> str:
    return " ".join([command.program, *command.words[1:]])
