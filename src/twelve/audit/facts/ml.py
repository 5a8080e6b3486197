"""Models in Python: where they are loaded, asked, trained and kept, where data comes from, and which of it serves."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import entries
from twelve.audit.facts.handlers import handlers
from twelve.audit.facts.imports import reached
from twelve.audit.facts.optional import parents
from twelve.audit.facts.pythons import keyword, name_of, text_of

# As they are imported. Numeric libraries alone make no model.
LIBRARIES = (
    "sklearn", "torch", "tensorflow", "keras", "xgboost", "lightgbm", "catboost", "statsmodels", "fastai", "prophet",
    "spacy", "transformers", "sentence_transformers", "onnxruntime", "skops", "mlflow", "flax", "jax", "ultralytics",
    "timm", "diffusers", "pycaret", "autogluon", "implicit", "surprise", "gensim", "vllm", "llama_cpp",
)  # fmt: skip
HOSTED = (
    "openai", "anthropic", "cohere", "mistralai", "litellm", "ollama", "replicate", "langchain", "langchain_openai",
    "google.generativeai", "groq", "together",
)  # fmt: skip
# Distributions whose objects end up in pickles.
PICKLED = {"scikit-learn", "sklearn", "xgboost", "lightgbm", "catboost", "torch", "statsmodels", "tensorflow", "keras"}
MODEL_FILE = re.compile(
    r"\.(pkl|pickle|joblib|pt|pth|onnx|h5|hdf5|keras|safetensors|tflite|sav|pb|ckpt|gguf|skops|cbm)$"
)
PICKLES = {
    "pickle.load",
    "pickle.loads",
    "joblib.load",
    "dill.load",
    "cloudpickle.load",
    "torch.load",
    "pd.read_pickle",
}
LOADS = PICKLES | {
    "load_model", "InferenceSession", "spacy.load", "hub.load", "SentenceTransformer", "pipeline", "YOLO", "sio.load",
    "torch.hub.load", "mlflow.pyfunc.load_model", "skops.io.load", "load_checkpoint", "CrossEncoder", "Llama", "LLM",
    "hf_hub_download", "snapshot_download",
}  # fmt: skip
SAVES = {
    "pickle.dump",
    "joblib.dump",
    "dill.dump",
    "torch.save",
    "save_model",
    "save_weights",
    "onnx.save",
    "save_pretrained",
}
READS = {
    "read_csv", "read_parquet", "read_excel", "read_json", "read_table", "read_feather", "loadtxt", "genfromtxt",
    "load_dataset", "ImageFolder", "image_dataset_from_directory", "flow_from_directory",
}  # fmt: skip
ASKS = {"predict", "predict_proba", "predict_on_batch", "decision_function", "kneighbors"}
# Of an object that was loaded; what is loaded beside a model answers nothing.
NO_ANSWER = re.compile(r"path|file|processor|tokeni|config|extractor|download|optim|sched", re.IGNORECASE)
ANSWERS = {"generate", "encode", "transcribe", "similarity", "pipe", "infer"}
PROMPTS = re.compile(
    r"(?:ChatCompletion|\bopenai\.Completion|\bopenai\.Embedding)\.a?create$|(?:completions|responses)\.parse$|messages\.stream$|"
    r"(?:completions|messages|responses|embeddings)\.create$|generate_content$|^litellm\.completion$|^ollama\.chat$"
)
TRAINS = {"fit", "partial_fit", "fit_generator", "train_on_batch", "backward"}
NO_MODEL = re.compile(
    r"scaler|encoder|vectori[sz]er|tokeni[sz]er|imputer|binari[sz]er|transformer|pca|tfidf|^le$|^sc$|^ct$",
    re.IGNORECASE,
)
_NAMES = "|".join(map(re.escape, LIBRARIES + HOSTED))
_IMPORTS = re.compile(rf"^[ \t]*(?:from\s++|import[ \t]++(?:[\w., ]{{1,300}},\s*+)?)(?:{_NAMES})\b", re.MULTILINE)
_PICKLING = re.compile(r"^[ \t]*(?:from|import)\s+(?:pickle|joblib|dill|cloudpickle)\b", re.MULTILINE)
_ALIASED = {"joblib", "pickle", "dill", "cloudpickle", "torch", "xgboost", "lightgbm"}
_FROM_ENV = re.compile(r"environ|getenv|\benv\b|\bsettings\b|\bconfig\b|argv|\bargs\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Use:
    """`kind`: load, ask, prompt, train, save, read. `literal`: the path or name that is written there, if any.

    `function` and `function_line`: the function around it, `handles` whether that answers requests, `caught` whether
    an error in it is caught, `pinned` whether a revision is given.
    """

    kind: str
    path: str
    line: int
    name: str
    literal: str
    from_env: bool
    function: str
    function_line: int
    handles: bool
    caught: bool
    pinned: bool


@extraction(
    language="python",
    needles=("import pickle", "import joblib", "from joblib", "import dill", "from pickle", "from dill",
             *(f"{word} {name}" for name in LIBRARIES + HOSTED for word in ("import", "from"))),
)  # fmt: skip
def uses_of(file: SourceFile) -> list[list[str | int | bool]]:
    if not _IMPORTS.search(file.text) and not (_PICKLING.search(file.text) and ".predict" in file.text):
        return []
    answering = {one.node for one in handlers(file)}
    literals, aliases = _constants(file), _aliases(file)
    loaded = _loaded(file, aliases)
    found: list[list[str | int | bool]] = []
    for node in file.nodes:
        if isinstance(node, ast.Call) and (kind := _kind(file, node, aliases, loaded)):
            function = _function(file, node)
            told, from_env = _named(_asked_for(node) if kind == "prompt" else node, literals)
            found.append([
                kind, node.lineno, _called(node, aliases), told, from_env, function.name if function else "",
                function.lineno if function else 0, function in answering, _is_caught(file, node),
                bool(keyword(node, "revision") or keyword(node, "known_hash")),
            ])  # fmt: skip
    return found


def uses(code: Codebase) -> list[Use]:
    return [
        Use(kind, file.path, *rest)  # type: ignore[arg-type]
        for file, said in code.extracted(uses_of)
        for kind, *rest in said
    ]


def of(code: Codebase, *kinds: str) -> list[Use]:
    return [one for one in code.fact(uses) if one.kind in kinds]


def serving(code: Codebase) -> frozenset[str]:
    """The files that the web process imports, as far as models are concerned."""
    every = code.fact(uses)
    if not every:
        return frozenset()
    roots = [entry.file for entry in code.fact(entries.web_entries) if entry.file.language == "python"]
    answering = {one.path for one in every if one.handles}
    roots += [file for path in sorted(answering) if (file := code.get(path))]
    return frozenset(reached(code, roots))


def asked(code: Codebase) -> list[Use]:
    """Predictions and prompts of the web process."""
    return [one for one in of(code, "ask", "prompt") if one.path in code.fact(serving)]


def trained(code: Codebase) -> list[Use]:
    return of(code, "train")


def trained_by_requests(code: Codebase) -> list[Use]:
    """Trainings that handlers run: themselves, or by a function that they call or start in a thread."""
    called = [(file, reached(code, [file]), set(names)) for file, names in code.extracted(called_by_handlers)]
    return [
        one
        for one in code.fact(trained)
        if one.handles or any(one.function in names and one.path in near for _, near, names in called)
    ]


@extraction(language="python", needles=("train(", "train_", "train)", "retrain", ".fit(", "fit_", "fit)"))
def called_by_handlers(file: SourceFile) -> list[str]:
    """The names of functions that the handlers of requests call, or hand to what runs them here; not to a queue."""
    found: set[str] = set()
    for one in handlers(file):
        for call in (node for node in ast.walk(one.node) if isinstance(node, ast.Call)):
            name = name_of(call.func)
            found.add(name.rpartition(".")[2])
            if name.rpartition(".")[2] in {"Thread", "Process", "add_task", "submit", "run_in_executor"}:
                given = [*call.args, *(keyword.value for keyword in call.keywords)]
                found.update(name_of(value).rpartition(".")[2] for value in given)
    return sorted(name for name in found if re.search("train|fit", name))


def _aliases(file: SourceFile) -> dict[str, str]:
    """What names of these libraries' are called here: `from joblib import load`, `import pickle as pkl`."""
    found: dict[str, str] = {}
    for node in file.nodes:
        if isinstance(node, ast.ImportFrom) and node.module in _ALIASED:
            found |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Import):
            found |= {one.asname: one.name for one in node.names if one.asname and one.name in _ALIASED}
    return found


def _loaded(file: SourceFile, aliases: dict[str, str]) -> set[str]:
    """The names of models that are called to be asked: `pipe = pipeline(...)`, `net.load_state_dict(...)`."""
    found: set[str] = set()
    for node in file.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            name = _called(node.value, aliases)
            callable_ = (name == "torch.load" or name not in PICKLES) and not NO_ANSWER.search(name)
            if callable_ and _kind(file, node.value, aliases, set()) == "load":
                found.update(filter(None, map(name_of, node.targets)))
        elif (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "load_state_dict"
        ):
            found.add(name_of(node.func.value))
    return {name for name in found if name and not NO_ANSWER.search(name)}


def _asked_for(call: ast.Call) -> ast.Call:
    """Of a prompt only what says which model."""
    return ast.Call(call.func, [one.value for one in call.keywords if one.arg in {"model", "engine"}], [])


def _kind(file: SourceFile, call: ast.Call, aliases: dict[str, str], loaded: set[str]) -> str:
    name = _called(call, aliases)
    last = name.rpartition(".")[2]
    if name in LOADS or last in LOADS or last == "from_pretrained":
        return "load"
    if name in SAVES or last in SAVES or (last == "save" and _saves_a_model(call)):
        return "save"
    if PROMPTS.search(name) or (last in {"invoke", "ainvoke"} and "langchain" in file.text):
        return "prompt"
    return "ask" if _asks(file, name, loaded) else "read" if last in READS else _training(name)


def _saves_a_model(call: ast.Call) -> bool:
    return bool(call.args) and bool(MODEL_FILE.search(text_of(call.args[0]) or ""))


def _asks(file: SourceFile, name: str, loaded: set[str]) -> bool:
    receiver, _, last = name.rpartition(".")
    runs = last == "run" and "onnxruntime" in file.text and "sess" in receiver.lower()
    return name in loaded or (receiver in loaded and last in ANSWERS) or last in ASKS or runs


def _training(name: str) -> str:
    receiver, _, last = name.rpartition(".")
    trains = last in TRAINS or name in {"xgb.train", "lgb.train", "xgboost.train", "lightgbm.train", "trainer.train"}
    return "train" if trains and not NO_MODEL.search(receiver) else ""


def _called(call: ast.Call, aliases: dict[str, str]) -> str:
    """What is called, by its full name; of `make().fit`, the last name."""
    if name := name_of(call.func):
        first, dot, rest = name.partition(".")
        return aliases.get(first, first) + dot + rest
    return call.func.attr if isinstance(call.func, ast.Attribute) else ""


def _constants(file: SourceFile) -> dict[str, ast.expr]:
    """Also the files that `with open(...) as file` opens."""
    found: dict[str, ast.expr] = {}
    for node in file.nodes:
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            found[node.optional_vars.id] = node.context_expr
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _named(call: ast.Call, constants: dict[str, ast.expr]) -> tuple[str, bool]:
    """(literal, whether configuration says which)."""
    given = [*call.args, *(one.value for one in call.keywords)]
    given += [constants[one.id] for one in given if isinstance(one, ast.Name) and one.id in constants]
    if call.args and _FROM_ENV.search(" ".join(ast.unparse(one) for one in given[: len(given)])):
        return "", True
    texts = [text for one in given for part in ast.walk(one) if (text := _path_in(part))]
    return max(texts, key=lambda text: ("." in text or "/" in text, len(text)), default=""), False


def _path_in(node: ast.AST) -> str:
    text = text_of(node) or ""
    return text if len(text) > 3 and re.fullmatch(r"[\w./:@~?=&%+-]+", text) else ""


def _function(file: SourceFile, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    return next((one for one in _above(file, node) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)), None)


def _is_caught(file: SourceFile, node: ast.AST) -> bool:
    """By a `try` of the same function whose handler does more than raise again."""
    child = node
    for one in _above(file, node):
        if isinstance(one, ast.Try) and child in one.body:
            return any(not isinstance(handler.body[-1], ast.Raise) for handler in one.handlers)
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef):
            return False
        child = one
    return False


def _above(file: SourceFile, node: ast.AST) -> Iterator[ast.AST]:
    known = parents(file)
    while node in known:
        node = known[node]
        yield node
