"""AI items 2 and 4: models as immutable releases, and their version in the environment."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import ml
from twelve.audit.facts.manifests import python_dependencies
from twelve.audit.facts.ml import Use
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, WARNING, Rulebook

RULES = Rulebook()
SERVED = "import joblib\nm = joblib.load({})\n@app.post('/')\ndef f():\n    return m.predict(x)\n"
LFS = b"version https://git-lfs"
LOCKS = ("uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "requirements.lock", "conda-lock.yml")
FROM_A_HUB = {
    "from_pretrained",
    "SentenceTransformer",
    "pipeline",
    "hf_hub_download",
    "snapshot_download",
    "CrossEncoder",
}
ALIAS = re.compile(r"^models:/.*(?:/(?:latest|production|staging)|@\w+)$", re.IGNORECASE)
FETCHED = re.compile(
    r"\b(?:urlretrieve|download_file|gdown\.download|wget\.download|requests\.get|urlopen|download_fileobj|hf_hub_url|curl|wget)\b[^\n]{0,300}?"
    r"[\w/:-]\.(?:pkl|pickle|joblib|pt|pth|onnx|h5|keras|safetensors|tflite|gguf|bin)\b"
)
HASHED = re.compile(r"sha256|sha512|hashlib|checksum|known_hash|md5", re.IGNORECASE)
VERSION = re.compile(
    r"(?:environ(?:\.get\(|\[)|[gG]et_?[eE]nv\(|\benv(?:\.\w+)?\(|\bconfig\()\s*['\"](\w*MODEL_?\w*|\w+_MODEL)['\"]"
    r"|\b((?:model|MODEL)_(?:version|VERSION|uri|URI|sha256|SHA256))\s*:\s*str\b|\btwelve_runtime\b"
)


@RULES.of_code(
    "AI02-model-in-git",
    WARNING,
    "A model is kept in git.",
    fix="Keep it in an artifact store, by its digest; the release names the digest.",
    why="Models as immutable releases: an artifact of its own, with a version, apart from the code's history.",
    bad={"app.py": "import joblib\njoblib.load('m.joblib').predict(x)\n", "m.joblib": "x"},
    good={"app.py": "import joblib\njoblib.load('m.joblib').predict(x)\n", "m.joblib.dvc": "outs: []\n"},
)
def model_in_git(code: Codebase) -> Iterator[Hit]:
    if not code.fact(ml.uses):
        return
    for path, file in code.files.items():
        ours = file.tracked and file.kind is Kind.PRODUCTION and file.size
        if ours and ml.MODEL_FILE.search(path) and not file.data.startswith(LFS):
            yield Hit(path, None, f"{path} {code.keeps}.")


@RULES.of_code(
    "AI02-model-overwrite",
    ERROR,
    "Training writes the model over the one before.",
    fix="Write every model under a name of its own (a digest, a version), and never change it again.",
    why="Models as immutable releases: a release cannot be mutated once it is created.",
    bad={"train.py": "import joblib, sklearn\nmodel.fit(x)\njoblib.dump(model, 'model.joblib')\n"},
    good={"train.py": "import joblib, sklearn\nmodel.fit(x)\njoblib.dump(model, f'models/{digest}.joblib')\n"},
)
def model_overwritten(code: Codebase) -> Iterator[Hit]:
    listed = " ".join(file.text for file in code.find("dvc.yaml", "dvc.lock", kinds=tuple(Kind)))
    training = {one.path for one in code.fact(ml.trained)}
    for one in ml.of(code, "save"):
        path = one.literal
        whole = one.path in training and one.name.rpartition(".")[2] in {"save_model", "save_pretrained"}
        if path and (ml.MODEL_FILE.search(path) or whole) and path not in listed:
            yield Hit(one.path, one.line, f"Every training writes {path} again.")


@RULES.of_code(
    "AI02-model-unpinned-download",
    ERROR,
    "A model is downloaded without a revision.",
    fix='Pin it: `revision="<commit>"`.',
    why="Models as immutable releases: the name of a hub's model leads to other bytes tomorrow.",
    bad={"app.py": "from transformers import AutoModel\nm = AutoModel.from_pretrained('org/name')\n"},
    good={
        "app.py": "from transformers import AutoModel\nm = AutoModel.from_pretrained('org/name', revision='8f3c1d2')\n"
    },
)
def model_unpinned(code: Codebase) -> Iterator[Hit]:
    for one in ml.of(code, "load"):
        of_a_hub = one.name.rpartition(".")[2] in FROM_A_HUB or (
            one.name == "torch.hub.load" and ":" not in one.literal
        )
        hub = of_a_hub and one.literal and not _is_local(code, one)
        if (hub and not one.pinned) or ALIAS.match(one.literal):
            yield Hit(one.path, one.line, f"{one.literal} is loaded in whatever version the hub has today.")


def _is_local(code: Codebase, one: Use) -> bool:
    name = one.literal
    return name.startswith((".", "/", "~")) or any(path.startswith(f"{name}/") for path in code.files)


@RULES.of_code(
    "AI02-no-checksum",
    WARNING,
    "A model is fetched without comparing its checksum.",
    fix="Compare its sha256 with the one that the release names before loading it.",
    why="Models as immutable releases: only a digest says that these are the bytes that were tested.",
    bad={"app.py": "import torch\nurlretrieve('https://x.org/m.pt', 'm.pt')\nmodel = torch.load('m.pt')\n"},
    good={"app.py": "import torch\nurlretrieve('https://x.org/m.pt', 'm.pt')\nassert sha256(read()) == PINNED\n"},
)
def no_checksum(code: Codebase) -> Iterator[Hit]:
    if code.fact(ml.uses):
        for file, lines in code.extracted(fetched):
            yield from (Hit(file.path, line) for line in lines)


@extraction(
    language=("python", "shell", "dockerfile"),
    needles=("urlretrieve", "download", "requests.get", "urlopen", "wget", "curl"),
)
def fetched(file: SourceFile) -> list[int]:
    return [] if HASHED.search(file.text) else [line for line, _ in file.search(FETCHED)]


@RULES.of_code(
    "AI02-unsafe-pickle",
    WARNING,
    "Loading the model runs whatever code its file holds.",
    fix="Use ONNX, safetensors or skops; a pickle only with a pinned digest and a signature.",
    why="Models as immutable releases: an artifact is data; a pickle is a program.",
    bad={"app.py": SERVED.format("'m.joblib'")},
    good={"app.py": "import onnxruntime\ns = onnxruntime.InferenceSession('m.onnx')\n"},
)
def unsafe_pickle(code: Codebase) -> Iterator[Hit]:
    for one in ml.of(code, "load"):
        file = code.get(one.path)
        told = file.lines[one.line - 1] if file and one.line <= len(file.lines) else ""
        if one.name in ml.PICKLES and one.path in code.fact(ml.serving) and "weights_only=True" not in told:
            yield Hit(one.path, one.line, f"{one.name}() runs code from the file.")


@RULES.of_code(
    "AI02-lib-version-drift",
    WARNING,
    "A pickled model is loaded with a library of no fixed version.",
    fix="Pin the library to the version that trained the model, or lock the dependencies.",
    why="Models as immutable releases: the same pickle means something else to another version of the library.",
    bad={"app.py": "import joblib\nm = joblib.load('m')\nm.predict(x)\n", "requirements.txt": "scikit-learn>=1.0\n"},
    good={"app.py": "import joblib\nm = joblib.load('m')\nm.predict(x)\n", "requirements.txt": "scikit-learn==1.5.0\n"},
)
def library_drifts(code: Codebase) -> Iterator[Hit]:
    pickled = any(one.name in ml.PICKLES for one in ml.of(code, "load"))
    if not pickled or any(code.get(name) for name in LOCKS):
        return
    for one in code.fact(python_dependencies):
        if one.name in ml.PICKLED and not one.dev and not one.version.startswith("=="):
            yield Hit(one.path, one.line, f"The model is a pickle, and {one.name} has no fixed version.")


@RULES.of_code(
    "AI04-model-path-hardcoded",
    WARNING,
    "Which model is served is written in the code.",
    fix="Read it from the environment: MODEL_VERSION, MODEL_STORE_URL.",
    why="Model version in the environment: another model is another release, not another commit.",
    bad={"app.py": SERVED.format("'m.joblib'")},
    good={"app.py": SERVED.format("os.environ['MODEL_PATH']")},
)
def path_in_the_code(code: Codebase) -> Iterator[Hit]:
    for one in _served_models(code):
        if one.literal:
            yield Hit(one.path, one.line, f"{PurePosixPath(one.literal).name} is written in the code.")


@RULES.of_code(
    "AI04-no-model-version",
    WARNING,
    "No variable says which version of the model is served.",
    fix="Read MODEL_VERSION from the environment and name it in every answer.",
    why="Model version in the environment: a rollback of the release has to bring back its model.",
    verdict=Verdict.FAIL,
    bad={"app.py": SERVED.format("'m.joblib'")},
    good={"app.py": SERVED.format("path(os.environ['MODEL_VERSION'])")},
)
def no_version(code: Codebase) -> Iterator[Hit]:
    if not code.extracted(versions):
        for one in _served_models(code)[:1]:
            yield Hit(one.path, one.line)


@extraction(language="python", needles=("MODEL", "model_version", "model_uri", "twelve_runtime"))
def versions(file: SourceFile) -> list[tuple[int, str]]:
    return [(line, match[1] or match[2] or "twelve_runtime") for line, match in file.search(VERSION)]


def _served_models(code: Codebase) -> list[Use]:
    """Loads of the web process; prompts name their model as well."""
    own = [one for one in ml.of(code, "load") if one.path in code.fact(ml.serving)]
    hosted = [one for one in ml.of(code, "prompt") if one.path in code.fact(ml.serving) and one.literal]
    return [*own, *hosted]


def witness_releases(code: Codebase) -> Iterator[Evidence]:
    for one in ml.of(code, "load"):
        file = code.get(one.path)
        if one.pinned:
            yield Evidence(f"{one.literal} is pinned to a revision", one.path, one.line)
        elif file and HASHED.search(file.text):
            yield Evidence("The model's checksum is compared", one.path, one.line)


def witness_version(code: Codebase) -> Iterator[Evidence]:
    for file, found in code.extracted(versions):
        line, name = found[0]
        yield Evidence(f"{name} says which model is served", file.path, line)
