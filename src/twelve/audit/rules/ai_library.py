"""The AI items as twelve_runtime.ml keeps them: its server and its trainings do what the items ask, wherever they run.

A witness says what the library does and where the app starts it, or which variable decides.
"""

import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import servers, start
from twelve.audit.facts.manifests import parsed_json
from twelve.audit.model import Evidence

SERVERS = {"twelve_runtime.ml", "twelve-serve"}
TRAINING = re.compile(
    r"^[ \t]*(?:from\s+twelve_runtime\.ml\b.*\btraining\b|import\s+twelve_runtime\.ml\.training\b)", re.MULTILINE
)


def served(code: Codebase) -> start.Command | None:
    """The command of the web process that is the library's server."""
    web = code.fact(start.web)
    found = [command for command in (web.chain if web else ()) if (one := servers.of(command)) and one.name in SERVERS]
    return found[-1] if found else None


@extraction(language="python", needles=("twelve_runtime.ml",))
def trainings(file: SourceFile) -> list[int]:
    return [line for line, _ in file.search(TRAINING)][:1]


def data(code: Codebase) -> Iterator[Evidence]:
    for file, lines in code.extracted(trainings):
        yield Evidence(
            "Training reads the version of a dataset that TRAINING_DATA_VERSION names by digest", file.path, lines[0]
        )


def releases(code: Codebase) -> Iterator[Evidence]:
    for file, lines in code.extracted(trainings):
        yield Evidence("Training publishes each model once, under a number and a digest", file.path, lines[0])
    yield from _of_server(code, "every file of the model is compared with its digest before it is loaded")


def version(code: Codebase) -> Iterator[Evidence]:
    yield from _of_server(code, "MODEL_VERSION says which model is served, never an alias")


def stateless(code: Codebase) -> Iterator[Evidence]:
    yield from _of_server(code, "an answer depends on its request and the model, and nothing is kept")


def scaling(code: Codebase) -> Iterator[Evidence]:
    yield from _of_server(code, "each process loads the model by itself and only reads it")


def metrics(code: Codebase) -> Iterator[Evidence]:
    yield from _of_server(code, "each prediction is an event on stdout, with version and latency")


def fallback(code: Codebase) -> Iterator[Evidence]:
    """The server has one only where config says so."""
    if served(code) is None:
        return
    for file in code.find("app.json", ".env.example", kinds=tuple(Kind)):
        for line, _ in file.search(re.compile(r"^[ \t#]*\"?MODEL_FALLBACK\b", re.MULTILINE)):
            yield Evidence("MODEL_FALLBACK says what answers when the model fails", file.path, line)
            break


def rollout(code: Codebase) -> Iterator[Evidence]:
    yield from _of_server(code, "answers and events carry the variant, so `twelve rollout` may split the requests")


def retraining(code: Codebase) -> Iterator[Evidence]:
    file = code.get("app.json")
    told = parsed_json(file) if file else None
    cron = told.get("cron") if isinstance(told, dict) else None
    for entry in cron if file and isinstance(cron, list) else ():
        if file and isinstance(entry, dict) and entry.get("retrain") is True:
            yield Evidence(f'A schedule ("{entry.get("schedule")}") trains, judges and promotes', file.path)


def _of_server(code: Codebase, what: str) -> Iterator[Evidence]:
    if command := served(code):
        yield Evidence(f"twelve_runtime.ml serves: {what}", command.path, command.line)
