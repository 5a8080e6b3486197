"""AI items 3, 5, 6, 7 and 8: inference without state, scaling, metrics, fallback and rollout."""

import ast
import re
from collections.abc import Iterator

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import ml
from twelve.audit.facts.comments import uncommented
from twelve.audit.facts.ml import Use
from twelve.audit.facts.pythons import name_of
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
APP = "import joblib\nm = joblib.load('m')\n@app.post('/')\ndef f():\n    {}\n"
HOSTED = "import openai\n@app.post('/')\ndef f():\n    return client.chat.completions.create({})\n"
DEVICE = re.compile(r"['\"]cuda(?::\d+)?['\"]|\.cuda\s*+\(\s*+(?:\d++\s*+)?\)|['\"]/(?:gpu|GPU):\d+['\"]")
CHECKED = re.compile(r"is_available\s*\(|list_physical_devices|device_count\s*\(|environ|getenv|\bmps\b")
TOLD = re.compile(
    r"\b(?:log(?:ger|ging)?|structlog|statsd|metrics?|meter|tracer|sentry_sdk|prometheus\w*|mlflow)\b\s*\.\s*\w+\s*\(|\bprint\s*\(|\.(?:observe|inc|labels)\s*\(|\bemit\w*\s*\("
)
TIMED = re.compile(r"perf_counter|time\.time\s*\(|monotonic|latency|elapsed|duration|\.time\s*\(\s*\)", re.IGNORECASE)
VERSIONED = re.compile(r"version|model_id|revision|digest", re.IGNORECASE)
TO_FILE = re.compile(
    r"\bSummaryWriter\s*\(|\bCSVLogger\s*\(|set_tracking_uri\s*\(\s*['\"](?:file:|\.|/|mlruns)|\bTensorBoard\s*\("
)
FRAMEWORK = re.compile(
    r"@\w+\.errorhandler\s*\(|\.exception_handler\s*\(|\.add_exception_handler\s*\(|\bMODEL_FALLBACK\b|\bhandler500\b"
)
SPLIT = re.compile(
    r"\b(?:variant|canary|rollout|traffic_split|ab_test|a_b_test|champion|challenger|split_traffic|treatment|experiment_id)\w*\b"
    r"|\bcanaryTrafficPercent\b|\bopenfeature\b|\bldclient\b|\bgrowthbook\b|\bunleash\w*\b",
    re.IGNORECASE,
)
WEIGHTS = re.compile(r"^[ \t]*(?:-\s*)?(?:weight|canaryTrafficPercent|traffic|setWeight)\s*:\s*\d+", re.MULTILINE)


@RULES.of_code(
    "AI03-train-in-serve",
    ERROR,
    "The process that serves also trains.",
    fix="Train in a process of its own; the web process loads what came out.",
    why="Stateless inference: a process that trains holds a model that no other process has.",
    bad={"Procfile": "web: gunicorn app:app\n", "app.py": "import sklearn\nmodel.fit(x, y)\n"},
    good={"Procfile": "web: gunicorn app:app\n", "app.py": "", "train.py": "import sklearn\nmodel.fit(x, y)\n"},
)
def training_in_serving(code: Codebase) -> Iterator[Hit]:
    by_requests = code.fact(ml.trained_by_requests)
    for one in code.fact(ml.trained):
        at_import = one.path in code.fact(ml.serving) and not one.function
        if one in by_requests or at_import:
            yield Hit(one.path, one.line, f"{one.name}() runs in the web process.")


@RULES.of_code(
    "AI03-inference-state",
    ERROR,
    "A prediction changes what the process remembers.",
    fix="Keep nothing between two requests; what has to last goes to a backing service.",
    why="Stateless inference: two processes give the same answer to the same request.",
    bad={"app.py": APP.format("global seen\n    seen = seen + 1\n    return m.predict(x)")},
    good={"app.py": APP.format("return m.predict(x)")},
)
def state_in_inference(code: Codebase) -> Iterator[Hit]:
    serving = code.fact(ml.serving)
    for file, found in code.extracted(remembering):
        if file.path in serving:
            yield from (
                Hit(file.path, line, f"{name} changes {what} with every prediction.") for line, name, what in found
            )


@extraction(language="python", needles=(".predict",))
def remembering(file: SourceFile) -> list[tuple[int, str, str]]:
    """(line, function, what) of functions that predict and change a global, or a list of the module."""
    shared = {
        target.id
        for node in (file.python.body if file.python else [])
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    functions = [node for node in file.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [
        (line, node.name, what)
        for node in functions
        if re.search(r"\.predict\w*\s*\(", ast.unparse(node))
        for line, what in _changed(node, shared)
    ]


def _changed(function: ast.FunctionDef | ast.AsyncFunctionDef, shared: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Global) and not _only_set_once(function, node.names):
            yield node.lineno, ", ".join(node.names)
        elif what := _kept(node, shared):
            yield getattr(node, "lineno", function.lineno), what
        elif isinstance(node, ast.Call):
            receiver, _, method = name_of(node.func).rpartition(".")
            if receiver in shared and method in {"append", "extend", "add", "update", "insert"}:
                yield node.lineno, receiver


def _kept(node: ast.AST, shared: set[str]) -> str:
    """`self.n += 1`, and `last["input"] = x`; what is kept by the question itself is a cache."""
    match node:
        case ast.AugAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return f"self.{name}"
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=ast.Constant())]) if name in shared:
            return name
    return ""


def _only_set_once(function: ast.FunctionDef | ast.AsyncFunctionDef, names: list[str]) -> bool:
    """`if model is None: model = load()` is a lazy start, not a memory."""
    text = ast.unparse(function)
    return all(re.search(rf"if (?:{name} is None|not {name})\b", text) for name in names)


@RULES.of_code(
    "AI05-device-hardcoded",
    WARNING,
    "The code insists on one device.",
    fix='Take what is there: `"cuda" if torch.cuda.is_available() else "cpu"`, or a variable.',
    why="Scaling out: another process on another machine has to serve the same model.",
    bad={"app.py": "import torch\nmodel.to('cuda:0')\n"},
    good={"app.py": "import torch\nmodel.to('cuda' if torch.cuda.is_available() else 'cpu')\n"},
)
def fixed_device(code: Codebase) -> Iterator[Hit]:
    for file, lines in code.extracted(devices):
        yield from (Hit(file.path, line) for line in lines)


@extraction(language="python", needles=("cuda", "/gpu:", "/GPU:"))
def devices(file: SourceFile) -> list[int]:
    text = uncommented(file)
    return [] if CHECKED.search(text) else [file.line_at(match.start()) for match in DEVICE.finditer(text)]


@RULES.of_code(
    "AI06-ml-metrics-missing",
    ERROR,
    "Predictions leave no trace in the stream of events.",
    fix="Write one JSON line a prediction to stdout: model version, latency, outcome.",
    why="Metrics to stdout: the event stream is how a model is watched in production.",
    bad={"app.py": APP.format("return m.predict(x)")},
    good={
        "app.py": APP.format(
            "r = m.predict(x)\n    log.info('predicted', version=V, latency=perf_counter() - t)\n    return r"
        )
    },
)
def no_metrics(code: Codebase) -> Iterator[Hit]:
    for one in _first_of_each(code):
        if not TOLD.search(_text(code, one)):
            yield Hit(one.path, one.function_line or one.line, f"{one.function or one.path} writes no event.")


@RULES.of_code(
    "AI06-ml-metrics-partial",
    WARNING,
    "The events of predictions lack the model's version or the latency.",
    fix="Write one JSON line a prediction to stdout: model version, latency, outcome.",
    why="Metrics to stdout: without version and latency two models cannot be told apart.",
    bad={"app.py": APP.format("r = m.predict(x)\n    log.info('predicted %s', r)\n    return r")},
    good={
        "app.py": APP.format(
            "r = m.predict(x)\n    log.info('predicted', version=V, latency=perf_counter() - t)\n    return r"
        )
    },
)
def partial_metrics(code: Codebase) -> Iterator[Hit]:
    for one in _first_of_each(code):
        text = _text(code, one)
        lacking = [what for what, known in (("latency", TIMED), ("version", VERSIONED)) if not known.search(text)]
        if TOLD.search(text) and lacking:
            yield Hit(one.path, one.function_line or one.line, f"The event lacks the {' and the '.join(lacking)}.")


@RULES.of_code(
    "AI06-ml-metrics-to-file",
    ERROR,
    "The serving process writes its metrics to files.",
    fix="Write events to stdout; the platform carries them on.",
    why="Metrics to stdout: files of one process are lost with it and unseen by the others.",
    bad={"app.py": APP.format("w = SummaryWriter('runs')\n    return m.predict(x)")},
    good={"app.py": APP.format("return m.predict(x)")},
)
def metrics_to_files(code: Codebase) -> Iterator[Hit]:
    serving = code.fact(ml.serving)
    for file, lines in code.extracted(files_of_metrics):
        if file.path in serving:
            yield from (Hit(file.path, line) for line in lines)


@extraction(language="python", needles=("SummaryWriter", "CSVLogger", "set_tracking_uri", "TensorBoard"))
def files_of_metrics(file: SourceFile) -> list[int]:
    return [file.line_at(match.start()) for match in TO_FILE.finditer(uncommented(file))]


@RULES.of_code(
    "AI07-no-fallback",
    WARNING,
    "When the model fails, the request fails.",
    fix="Catch it and answer with the model before, a rule or a default, marked as such.",
    why="Fallback: a degraded answer is better than none, and config says which.",
    verdict=Verdict.FAIL,
    bad={"app.py": APP.format("return m.predict(x)")},
    good={"app.py": APP.format("try:\n        return m.predict(x)\n    except Exception:\n        return DEFAULT")},
)
def no_fallback(code: Codebase) -> Iterator[Hit]:
    if code.extracted(error_pages):
        return
    for one in code.fact(ml.asked):
        if not one.caught:
            yield Hit(one.path, one.line, f"Nothing answers when {one.name}() fails.")


@extraction(language="python", needles=("errorhandler", "exception_handler", "MODEL_FALLBACK", "handler500"))
def error_pages(file: SourceFile) -> list[int]:
    """Of the framework, for every error."""
    found = list(FRAMEWORK.finditer(uncommented(file)))
    broad = [
        match for match in found if re.search(r"Exception|500|FALLBACK", file.text[match.start() : match.end() + 40])
    ]
    return [file.line_at(match.start()) for match in broad]


@RULES.of_code(
    "AI07-no-timeout",
    WARNING,
    "A hosted model is asked without a timeout.",
    fix="Set one below the request's own limit, and answer with a fallback when it is over.",
    why="Fallback: an answer that never comes is a failure as well.",
    bad={"app.py": HOSTED.format("model=MODEL")},
    good={"app.py": HOSTED.format("model=MODEL, timeout=5")},
)
def no_timeout(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(ml.asked):
        file = code.get(one.path)
        if one.kind == "prompt" and file and "timeout" not in file.text:
            yield Hit(one.path, one.line, f"{one.name}() waits as long as the provider likes.")


@RULES.of_code(
    "AI08-no-rollout",
    INFO,
    "A new model reaches all requests at once.",
    fix="Split by weight: `twelve rollout`, so that a part of the users sees the new model first.",
    why="Rollout: a model is judged by what it does in production, on a part of the traffic.",
    verdict=Verdict.FAIL,
    bad={"app.py": APP.format("return m.predict(x)")},
    good={"app.py": APP.format("return (m if variant(user) == 'a' else n).predict(x)")},
)
def no_rollout(code: Codebase) -> Iterator[Hit]:
    if not any(_selectors(code)):
        for one in code.fact(ml.asked)[:1]:
            yield Hit(one.path, one.line)


def _selectors(code: Codebase) -> Iterator[Evidence]:
    serving = code.fact(ml.serving)
    for file in filter(None, map(code.get, sorted(serving))):
        for line, _ in file.search(SPLIT):
            yield Evidence("Requests are split between models here", file.path, line)
            break
    for file, lines in code.extracted(weights):
        yield Evidence("Traffic is split by weight here", file.path, lines[0])


@extraction(language="yaml", needles=("weight:", "canaryTrafficPercent", "setWeight", "traffic:"))
def weights(file: SourceFile) -> list[int]:
    return [file.line_at(match.start()) for match in WEIGHTS.finditer(uncommented(file))][:1]


def _first_of_each(code: Codebase) -> list[Use]:
    """The first prediction of each function."""
    return list({(one.path, one.function_line): one for one in reversed(code.fact(ml.asked))}.values())


def _text(code: Codebase, one: Use) -> str:
    """Of the function that predicts; of the whole file where there is none."""
    file = code.get(one.path)
    begun = file.nodes_at.get(one.function_line, ()) if file else ()
    found = [node for node in begun if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return ast.unparse(found[0]) if found else file.text if file else ""


def witness_stateless(code: Codebase) -> Iterator[Evidence]:
    for one in code.fact(ml.asked):
        yield Evidence(f"{one.name}() answers from its input; nothing is kept between requests", one.path, one.line)


def witness_scaling(code: Codebase) -> Iterator[Evidence]:
    for one in ml.of(code, "load"):
        if one.path in code.fact(ml.serving):
            yield Evidence("Each process loads the model by itself and only reads it", one.path, one.line)


def witness_metrics(code: Codebase) -> Iterator[Evidence]:
    for one in _first_of_each(code):
        if TOLD.search(_text(code, one)):
            yield Evidence(
                "Each prediction is an event with version and latency", one.path, one.function_line or one.line
            )


def witness_fallback(code: Codebase) -> Iterator[Evidence]:
    for file, lines in code.extracted(error_pages):
        yield Evidence("Every error has an answer of the framework", file.path, lines[0])
    for one in code.fact(ml.asked):
        if one.caught:
            yield Evidence(f"An error of {one.name}() is caught and answered", one.path, one.line)


def witness_rollout(code: Codebase) -> Iterator[Evidence]:
    yield from _selectors(code)
