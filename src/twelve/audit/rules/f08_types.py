"""Factor VIII, the types: background work has a process type of its own."""

import ast
import re
from collections.abc import Iterator
from itertools import islice

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import entries, queues, start
from twelve.audit.facts.comments import MOST, in_code, uncommented
from twelve.audit.facts.imports import reached
from twelve.audit.facts.pythons import name_of
from twelve.audit.facts.start import WEB
from twelve.audit.model import Hit
from twelve.audit.rule import INFO, WARNING, Rulebook
from twelve.core.formats import procfile
from twelve.core.formats.text import errors_of

RULES = Rulebook()
SCHEDULERS = re.compile(
    r"\b(?:BackgroundScheduler|AsyncIOScheduler|GeventScheduler|TornadoScheduler|APScheduler)\s*\("
    r"|@repeat_every\s*\(|\bschedule\.every\s*\("
    r"|[cC]ron\w{0,20}\.schedule\s*\(|\bnew\s+(?:\w+\.)?CronJob\s*\(|\bCronJob\.from\s*\(|\bschedule\.scheduleJob\s*\("
    r"|\bagenda\.start\s*\(|@Cron\s*\(|@Interval\s*\(|@Scheduled\s*\(|\.scheduleAtFixedRate\s*\(|\.scheduleWithFixedDelay\s*\("
    r"|\bStdSchedulerFactory\b|\bcron\.New\s*\(|\bgocron\.New\w*\s*\(|\bRufus::Scheduler\.(?:new|singleton)\b"
    r"|\bThread\.new\s*(?:do|\{)\s*(?:loop\s*(?:do|\{)|while\s+true\b)"
)
LOOPING = re.compile(
    r"\bThread\s*\([^()\n]{0,80}?\btarget\s*=\s*(?:self\.)?(\w+)|\b(?:create_task|ensure_future)\s*\(\s*(\w+)\s*\(\s*\)"
)
TICKING = re.compile(r"\bgo\s+func\s*\(\s*\)\s*\{[^{}]{0,300}\bfor\s+range\s+(?:\w*[tT]ick\w*\.C\b|time\.Tick\s*\()")
# Jobs of a queue that are worked on wherever this runs.
CONSUMING = re.compile(r"\bnew\s+(?:\w+\.)?Worker\s*\(\s*['\"`][\w: -]{1,80}['\"`]\s*,")
ASIDE = re.compile(r"(?:^|/)(?:clock|worker|scheduler|cron|jobs?)\.\w+$")


@RULES.of_code(
    "TF08-no-process-types",
    WARNING,
    "A job queue is used, but no process type works on its jobs.",
    fix="Declare a worker in the Procfile, such as `worker: celery -A app worker`.",
    why="Factor VIII: long-running background tasks are handled by a worker process, a process type like web.",
    bad={
        "requirements.txt": "celery==5.4.0\nflask==3.0.0\ngunicorn==22.0.0\n",
        "app.py": "celery = Celery('app', broker=os.environ['REDIS_URL'])\n",
        "Procfile": "web: gunicorn app:app\n",
    },
    good={
        "requirements.txt": "celery==5.4.0\nflask==3.0.0\ngunicorn==22.0.0\n",
        "app.py": "celery = Celery('app', broker=os.environ['REDIS_URL'])\n",
        "Procfile": "web: gunicorn app:app\nworker: celery -A app worker\n",
    },
)
def no_worker(code: Codebase) -> Iterator[Hit]:
    every = code.fact(start.starts)
    used = code.fact(queues.in_use)
    if not every or not used:
        return
    places = [(rank, file.path, line) for file, said in code.extracted(queues.set_up) for rank, line in said]
    if places and not any(_has_worker(code, library) for library in used):
        _, path, line = min(places)
        names = ", ".join(library.name for library in used)
        yield Hit(path, line, f"{names} is used, but no process type works on its jobs.")


def _has_worker(code: Codebase, library: queues.Library) -> bool:
    """In a process type, or in what another platform would start: compose, Kubernetes, a supervisor."""
    started = [f"{one.type} {one.command}" for one in code.fact(start.starts) if one.type != WEB]
    started += [command.text for one in code.fact(start.starts) for command in one.chain]
    if any(re.search(library.worker, text) for text in started):
        return True
    kinds = (Kind.PRODUCTION, Kind.DEVELOPMENT)
    declaring = code.find("*compose*.y*ml", "*.conf", "fly.toml", "Procfile.*", "Dockerfile*", kinds=kinds)
    declaring += [file for file in code.written_in("yaml", kinds=kinds) if b"containers:" in file.data]
    return any(re.search(library.worker, uncommented(file)) for file in declaring)


@RULES.of_code(
    "TF08-procfile-typo",
    WARNING,
    "A line of the Procfile declares no process type.",
    fix="Write each process type on one line: `worker: celery -A app worker`.",
    why="A Procfile declares the process types: of a line with a typo nothing starts.",
    bad={"Procfile": "web: gunicorn app:app\nworker celery -A app worker\n"},
    good={"Procfile": "web: gunicorn app:app\n# later: worker\nworker: celery -A app worker\n"},
)
def declares_no_type(code: Codebase) -> Iterator[Hit]:
    file = code.get("Procfile")
    for note in errors_of(procfile.parse(file.data)[1]) if file else []:
        yield Hit("Procfile", note.line, f"{note.message[:1].upper()}{note.message[1:]}.")


@RULES.of_code(
    "TF08-in-web-background",
    WARNING,
    "Scheduled work runs inside the web process.",
    fix="Move it to a clock or worker process type, or to a scheduled one-off process.",
    why="Factor VIII: with two web processes it would run twice; time-based work is a process type of its own.",
    bad={
        "Procfile": "web: gunicorn app:app\n",
        "app.py": "from apscheduler.schedulers.background import BackgroundScheduler\nBackgroundScheduler().start()\n",
    },
    good={
        "Procfile": "web: gunicorn app:app\nclock: python clock.py\n",
        "app.py": "",
        "clock.py": "from apscheduler.schedulers.background import *\nBackgroundScheduler().start()\n",
    },
)
def scheduled_inside(code: Codebase) -> Iterator[Hit]:
    candidates = code.extracted(schedulers)
    if not candidates or code.fact(start.web) is None:
        return
    web, others = (frozenset(reached(code, _roots(code, is_web=told))) for told in (True, False))
    programs = {entry.file.path for entry in code.fact(entries.web_entries) if entry.runs}
    for file, found in candidates:
        aside = file.path in others or (ASIDE.search(file.path) and not file.path.startswith("config/initializers/"))
        if file.path not in web and (aside or not _may_be_imported(code, file, web)):
            continue
        for line, what, by_hand, ticks in found:
            if not by_hand or file.path in programs:
                yield Hit(file.path, line, f"{what} runs inside the web process.", INFO if ticks else None)


def _roots(code: Codebase, *, is_web: bool) -> list[SourceFile]:
    return [entry.file for entry in code.fact(entries.entries) if (entry.type == WEB) is is_web]


def _may_be_imported(code: Codebase, file: SourceFile, web: frozenset[str]) -> bool:
    """Frameworks import what no import statement names; a script of Python's is told by its own."""
    return file.language != "python" or not web or bool(code.get("manage.py")) or b"__main__" not in file.data


@extraction(
    language=("python", "javascript", "typescript", "java", "go", "ruby"),
    needles=("Scheduler", "repeat_every", "schedule.every", "cron", "Cron", "scheduleJob", "@Scheduled", "Thread",
             "Timer(", "@Interval", "create_task(", "ensure_future(", "scheduleAtFixed", "scheduleWithFixed",
             "agenda.start", "bullmq", "Ticker(", "time.Tick("),
)  # fmt: skip
def schedulers(file: SourceFile) -> list[tuple[int, str, bool, bool]]:
    """(line, what, whether only when it is run as a program, whether it only ticks)."""
    found = [(line, match[0].strip("( {"), False) for line, match in in_code(file, SCHEDULERS)]
    if file.language == "python":
        found += [(line, what, False) for line, what in (*_endless_threads(file), *_timers(file))]
    elif file.language == "go" and "package main" in file.text:
        found += [(line, "the ticker", True) for line, _ in in_code(file, TICKING)]
    elif "bullmq" in file.text:
        found += [(line, "the queue's worker", False) for line, _ in in_code(file, CONSUMING)]
    own = _by_hand(file) if found and file.language == "python" else range(0)
    return [(line, what.split("\n")[0], line in own, ticks) for line, what, ticks in found]


def _by_hand(file: SourceFile) -> range:
    """The lines below `if __name__ == "__main__":`."""
    for node in file.python.body if file.python else []:
        if isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
    return range(0)


def _endless_threads(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Threads whose function never ends, and tasks whose function does something again after each sleep."""
    if not any(word in file.text for word in ("Thread(", "create_task(", "ensure_future(")):
        return
    for line, match in islice(in_code(file, LOOPING), MOST):
        name = re.escape(match[1] or match[2])
        body = re.search(
            rf"def {name}\(.*\n(?:[ \t]+.*\n|\n){{0,6}}?[ \t]+while (?:True|1)\s*:((?:.*\n){{0,12}})", uncommented(file)
        )
        if body and (match[1] or "sleep(" in body[1]):
            yield line, f"the thread {match[1]}" if match[1] else f"the task {match[2]}"


def _timers(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Functions that set a timer for themselves."""
    if "Timer(" not in file.text:
        return
    for node in file.nodes:
        if isinstance(node, ast.FunctionDef):
            for call in (one for one in ast.walk(node) if isinstance(one, ast.Call) and len(one.args) > 1):
                again = name_of(call.args[1]).rpartition(".")[2] == node.name
                if again and name_of(call.func).rpartition(".")[2] == "Timer":
                    yield call.lineno, f"the timer of {node.name}"
