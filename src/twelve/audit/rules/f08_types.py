"""Factor VIII, the types: background work has a process type of its own."""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import entries, queues, start
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.start import WEB
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook
from twelve.core.formats import procfile
from twelve.core.formats.text import errors_of

RULES = Rulebook()
SCHEDULERS = re.compile(
    r"\b(?:BackgroundScheduler|AsyncIOScheduler|GeventScheduler|TornadoScheduler|APScheduler)\s*\("
    r"|@repeat_every\s*\(|\bschedule\.every\s*\("
    r"|\bcron\.schedule\s*\(|\bnew\s+CronJob\s*\(|\bschedule\.scheduleJob\s*\(|@Cron\s*\(|@Interval\s*\("
    r"|@Scheduled\s*\(|\bcron\.New\s*\(|\bgocron\.New\w*\s*\(|\bRufus::Scheduler\.(?:new|singleton)\b"
)
LOOPING = re.compile(r"\bThread\s*\(\s*target\s*=\s*(?:self\.)?(\w+)")


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
    if code.fact(start.web) is None:
        return
    others = {entry.file.path for entry in code.fact(entries.entries) if entry.type != WEB}
    for file, lines in code.extracted(schedulers):
        if file.path not in others and not re.search(r"(?:^|/)(?:clock|worker|scheduler|cron|jobs?)\.\w+$", file.path):
            yield from (Hit(file.path, line, f"{what} runs inside the web process.") for line, what in lines)


@extraction(
    language=("python", "javascript", "typescript", "java", "go", "ruby"),
    needles=(
        "Scheduler",
        "repeat_every",
        "schedule.every",
        "cron",
        "Cron",
        "scheduleJob",
        "@Scheduled",
        "Thread(",
        "@Interval",
    ),
)
def schedulers(file: SourceFile) -> list[tuple[int, str]]:
    text = uncommented(file)
    found = [(file.line_at(match.start()), match[0].strip("( ")) for match in SCHEDULERS.finditer(text)]
    return found + _endless_threads(file, text)


def _endless_threads(file: SourceFile, text: str) -> list[tuple[int, str]]:
    """Threads whose function never ends."""
    if file.language != "python":
        return []
    return [
        (file.line_at(match.start()), f"the thread {match[1]}")
        for match in LOOPING.finditer(text)
        if re.search(rf"def {re.escape(match[1])}\(.*\n(?:[ \t]+.*\n|\n){{0,6}}?[ \t]+while (?:True|1)\s*:", text)
    ]
