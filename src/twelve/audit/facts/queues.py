"""Job queues: the library that is declared, where the code sets it up, and the command that works on its jobs. Data."""

import re
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.manifests import declared

SCRIPTS = ("javascript", "typescript", "tsx")


@dataclass(frozen=True, slots=True)
class Library:
    """`worker` matches the command that works on the jobs, as the library's documentation gives it.

    `graceful`: on SIGTERM it takes no more jobs and finishes those at work, as its documentation says.
    """

    name: str
    worker: str
    source: str
    graceful: bool = False

    def works(self, command: str) -> bool:
        return bool(re.search(self.worker, command))


_OWN = r"\b(?:worker|jobs?|queue|consumer|processor)"
LIBRARIES = [
    Library(
        "celery",
        r"\bcelery\b.{0,200}?\bworker\b|celery(?:d|_worker)\b",
        "docs.celeryq.dev/en/stable/userguide/workers",
        graceful=True,
    ),
    Library("rq", r"\brq\s+worker|rqworker|\brqscheduler", "python-rq.org/docs/workers", graceful=True),
    Library("django-rq", r"rqworker|rq\s+worker", "github.com/rq/django-rq#running-workers", graceful=True),
    Library("dramatiq", r"\b(?:run)?dramatiq\b", "dramatiq.io/guide.html#workers", graceful=True),
    Library("huey", r"huey_consumer|run_huey", "huey.readthedocs.io/en/latest/consumer.html", graceful=True),
    Library("arq", r"\barq\s", "arq-docs.helpmanuel.io", graceful=True),
    Library("django-q2", r"\bqcluster\b", "django-q2.readthedocs.io/en/master/cluster.html"),
    Library("procrastinate", r"\bprocrastinate\b.{0,200}?\bworker", "procrastinate.readthedocs.io", graceful=True),
    Library("taskiq", r"\btaskiq\s+worker", "taskiq-python.github.io"),
    Library("bull", rf"{_OWN}", "docs.bullmq.io/bull"),
    Library("bullmq", rf"{_OWN}", "docs.bullmq.io/guide/workers"),
    Library("agenda", rf"{_OWN}|agenda", "github.com/agenda/agenda"),
    Library("bee-queue", rf"{_OWN}", "github.com/bee-queue/bee-queue"),
    Library("sidekiq", r"\bsidekiq\b", "github.com/sidekiq/sidekiq/wiki/Getting-Started", graceful=True),
    Library("resque", r"\bresque:work\b|QUEUE=", "github.com/resque/resque"),
    Library("delayed_job", r"jobs:work|delayed_job", "github.com/collectiveidea/delayed_job"),
    Library(
        "delayed_job_active_record", r"jobs:work|delayed_job", "github.com/collectiveidea/delayed_job#running-jobs"
    ),
    Library("good_job", r"\bgood_job\b", "github.com/bensheldon/good_job", graceful=True),
    Library("solid_queue", r"solid_queue|bin/jobs", "github.com/rails/solid_queue", graceful=True),
]
_GEM = re.compile(r"^[ \t]*gem\s+['\"]([\w-]+)['\"]", re.MULTILINE)
_SETTING = re.compile(
    r"^[ \t]*(?:CELERY_)?BROKER_URL\s*=|\bbroker(?:_url)?\s*=|\bconfig\.active_job\.queue_adapter\s*=", re.MULTILINE
)
_MADE = re.compile(
    r"\bCelery\s*\(|\b(?:rq\.)?Queue\s*\([^)]{0,200}connection\s*=|\bset_broker\s*\(|\b(?:Redis|Sqlite)?Huey\s*\(|\bcreate_pool\s*\("
    r"|\bnew\s+(?:Queue|Bull|Agenda|BeeQueue)\s*\(|\bSidekiq\.configure_\w+|\binclude\s+Sidekiq::(?:Worker|Job)\b|\bResque\.enqueue\w*"
)


@extraction(
    language=("python", "ruby", *SCRIPTS),
    needles=(
        "BROKER_URL",
        "broker",
        "Celery(",
        "Queue(",
        "Huey(",
        "Sidekiq",
        "queue_adapter",
        "Bull(",
        "Agenda(",
        "create_pool(",
        "Resque.",
    ),
)
def set_up(file: SourceFile) -> list[tuple[int, int]]:
    """(rank, line): where jobs go to is set (0), a queue is made (1)."""
    text = uncommented(file)
    return [
        (rank, file.line_at(match.start() + len(match[0]) - len(match[0].lstrip())))
        for rank, pattern in enumerate((_SETTING, _MADE))
        for match in pattern.finditer(text)
    ]


def in_use(code: Codebase) -> list[Library]:
    """Declared for production, in any language."""
    names = {one.name for one in code.fact(declared).values() if not one.dev}
    if gemfile := code.get("Gemfile"):
        names |= {match[1] for _, match in gemfile.search(_GEM)}
    return [library for library in LIBRARIES if library.name in names]
