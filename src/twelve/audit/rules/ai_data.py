"""AI items 1 and 9: data with versions, and retraining as a scheduled process."""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from posixpath import normpath

from twelve.audit.codebase import Codebase, Kind, SourceFile, extraction
from twelve.audit.facts import entries, ml, start
from twelve.audit.facts.comments import in_code, is_inside_string
from twelve.audit.facts.imports import reached
from twelve.audit.facts.ml import Use
from twelve.audit.model import Evidence, Hit, Verdict
from twelve.audit.rule import ERROR, INFO, WARNING, Rulebook

RULES = Rulebook()
REMOTE = re.compile(r"^(?:https?|s3|gs|hdfs|abfss?)://")
PINNED = re.compile(
    r"[0-9a-f]{40}|sha256|md5|versionId=|/resolve/[0-9a-f]{7,}|hashlib|known_hash|revision\s*=", re.IGNORECASE
)
DATA = re.compile(r"\.(csv|tsv|parquet|feather|arrow|npz|npy|xlsx?|jsonl|avro)$")
WRITES = r"(?:to_csv|to_parquet|urlretrieve|download_file|download|savetxt|np\.save)\b[^\n]*"
SEED = re.compile(
    r"\brandom_state\s*=|\bseed\w*\s*[(=]|\bmanual_seed\b|\bset_seed\b|\bset_random_seed\b|\bPRNGKey\b|\bdefault_rng\s*\(\s*\d"
)
RANDOM = re.compile(
    r"\btrain_test_split\s*\(|\bRandomForest\w*\s*\(|\bGradientBoosting\w*\s*\(|\bMLP\w+\s*\(|\bSGD\w+\s*\(|\bKMeans\s*\("
    r"|\bXGB\w+\s*\(|\bLGBM\w+\s*\(|\bDecisionTree\w*\s*\(|\bnn\.Module\b|\bSequential\s*\(|\bnp\.random\.|\bShuffleSplit\s*\("
)
BUILT_IN = re.compile(r"\b(load_(?:iris|digits|wine|breast_cancer|diabetes|linnerud|boston))\s*\(")
SCHEDULED = re.compile(r"\bCronJob\b|\bschedule\s*:|\bDAG\s*\(|@dag\b|@flow\b|\bcrontab\s*\(|\bBEAT_SCHEDULE\b")


@RULES.of_code(
    "AI01-data-missing",
    ERROR,
    "Training reads data that is neither in the codebase nor fetched by a version.",
    fix="Keep a versioned dataset: its hash in the repository (DVC, a manifest), its bytes in an object store.",
    why="Versioned data: a training can only be repeated with the same bytes.",
    bad={"train.py": "import sklearn\nx = pd.read_csv('hiring.csv')\nmodel.fit(x)\n"},
    good={"train.py": "import sklearn\nx = pd.read_csv('hiring.csv')\nmodel.fit(x)\n", "hiring.csv.dvc": "outs: []\n"},
)
def data_missing(code: Codebase) -> Iterator[Hit]:
    for one in _read_for_training(code):
        if (
            one.literal
            and not REMOTE.match(one.literal)
            and not one.name.endswith("load_dataset")
            and not _is_there(code, one)
        ):
            yield Hit(one.path, one.line, f"{one.literal} is not in the codebase, and no hash says what it was.")


@RULES.of_code(
    "AI01-data-unversioned",
    WARNING,
    "Training reads data that may change behind its name.",
    fix="Pin it: a revision, a commit, or a checksum that is compared after the download.",
    why="Versioned data: a training can only be repeated with the same bytes.",
    bad={"train.py": "import sklearn\nx = pd.read_csv('https://example.org/main/a.csv')\nmodel.fit(x)\n"},
    good={"train.py": "import datasets, torch\nx = load_dataset('org/a', revision='v1')\nmodel.fit(x)\n"},
)
def data_unversioned(code: Codebase) -> Iterator[Hit]:
    read = _read_for_training(code)
    files = [file for path in {one.path for one in read} if (file := code.get(path))]
    unpinned = {file.path for file in files if not PINNED.search(file.text)}
    for one in read:
        moving = REMOTE.match(one.literal) or (one.name.endswith("load_dataset") and one.literal)
        if moving and not one.pinned and one.path in unpinned:
            yield Hit(one.path, one.line, f"{one.literal} may change: no revision or checksum pins it.")


@RULES.of_code(
    "AI01-data-in-git",
    INFO,
    "Training data is kept in git.",
    fix="Keep its hash in git and its bytes in an object store (DVC, git LFS).",
    why="Versioned data: git versions it, but every clone and every slug carries it.",
    bad={"train.py": "import sklearn\nx = pd.read_csv('a.csv')\nmodel.fit(x)\n", "a.csv": "1,2\n"},
    good={"train.py": "import sklearn\nx = pd.read_csv('a.csv')\nmodel.fit(x)\n", "a.csv.dvc": "outs: []\n"},
)
def data_in_git(code: Codebase) -> Iterator[Hit]:
    for one in _read_for_training(code):
        if (file := _tracked(code, one)) and DATA.search(file.path):
            yield Hit(file.path, None, f"{one.path} trains with it.")


@RULES.of_code(
    "AI01-no-seed",
    INFO,
    "Training draws random numbers without a seed.",
    fix="Set a seed and record it with the model.",
    why="Versioned data: with the same data and the same seed the same model comes out.",
    bad={"train.py": "import sklearn\nm = RandomForestClassifier()\nm.fit(x, y)\n"},
    good={"train.py": "import sklearn\nm = RandomForestClassifier(random_state=0)\nm.fit(x, y)\n"},
)
def no_seed(code: Codebase) -> Iterator[Hit]:
    for path in dict.fromkeys(one.path for one in code.fact(ml.trained)):
        file = code.get(path)
        match = RANDOM.search(file.text) if file else None
        if file and match and not SEED.search(file.text):
            yield Hit(path, file.line_at(match.start()))


@RULES.of_code(
    "AI09-retrain-in-web",
    ERROR,
    "A request trains the model inside the web process.",
    fix="Train in a scheduled one-off process, and release the model that comes out.",
    why="Scheduled retraining: training is an admin process of the same release, not the work of a web process.",
    bad={"app.py": "import sklearn\n@app.post('/train')\ndef train():\n    model.fit(x, y)\n"},
    good={"train.py": "import sklearn\ndef train():\n    model.fit(x, y)\n", "Procfile": "train: python train.py\n"},
)
def retrained_by_request(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(ml.trained_by_requests):
        done = "answers requests and trains" if one.handles else "trains when a request asks for it"
        yield Hit(one.path, one.line, f"{one.function} {done}.")


@RULES.of_code(
    "AI09-no-retrain-process",
    INFO,
    "No process type or schedule runs the training.",
    fix="Declare it: `train: python train.py` in the Procfile, and a `cron` entry in app.json.",
    why="Scheduled retraining: a declared process of the same release, so that it can run again at any time.",
    verdict=Verdict.PARTIAL,
    bad={"Procfile": "web: gunicorn app:app\n", "train.py": "import sklearn\nmodel.fit(x, y)\n"},
    good={
        "Procfile": "web: gunicorn app:app\ntrain: python train.py\n",
        "train.py": "import sklearn\nmodel.fit(x, y)\n",
    },
)
def training_without_process(code: Codebase) -> Iterator[Hit]:
    for one in code.fact(undeclared_training):
        yield Hit(one.path, one.line, f"No process type or schedule runs {one.path}.")


def undeclared_training(code: Codebase) -> list[Use]:
    """The first training of each file that no process runs; those that requests start are another matter."""
    by_requests = code.fact(ml.trained_by_requests)
    own = {one.path: one for one in reversed(code.fact(ml.trained)) if one not in by_requests}
    if not own or any(_runs_training(code, path) for path in own) or code.extracted(schedules):
        return []
    return [own[path] for path in sorted(own)]


def _runs_training(code: Codebase, path: str) -> bool:
    """A process type, the release's cron, or a workflow that is run on a schedule."""
    name = PurePosixPath(path).name
    run = [entry.file.path for entry in code.fact(entries.entries) if entry.type != start.WEB]
    module = path.removesuffix(".py").replace("/", ".")
    texts = [one.command for one in code.fact(start.starts)]
    scheduling = [file for file in code.find(".github/workflows/*", ".gitlab-ci.yml") if "schedule" in file.text]
    texts += [file.text for file in [*code.find("app.json", "dvc.yaml"), *scheduling]]
    texts += [file.text for file in code.written_in("yaml") if "CronJob" in file.text or "kind: Job" in file.text]
    return path in run or any(
        re.search(rf"(?<![\w-]){re.escape(name)}\b|\b{re.escape(module)}\b(?!:)", text) for text in texts
    )


_SCHEDULED = re.compile(r"\bDAG\s*\(|^@dag\b|^@flow\b", re.MULTILINE)


@extraction(language="python", needles=("DAG(", "@dag", "@flow"))
def schedules(file: SourceFile) -> list[int]:
    """What is only quoted, as in a text about such schedules, is none."""
    found = in_code(file, _SCHEDULED)
    return [line for line, match in found if not is_inside_string(file, match.start())][:1]


def witness_data(code: Codebase) -> Iterator[Evidence]:
    for one in _read_for_training(code):
        if file := _tracked(code, one):
            yield Evidence(f"{file.path} is versioned with the code", one.path, one.line)
        elif one.pinned or _is_there(code, one):
            yield Evidence(f"{one.literal} is pinned", one.path, one.line)
    for path in dict.fromkeys(one.path for one in code.fact(ml.trained)):
        file_ = code.get(path)
        for line, match in file_.search(BUILT_IN) if file_ else ():
            yield Evidence(f"{match[1]}() comes with the library, in its version", path, line)


def witness_retraining(code: Codebase) -> Iterator[Evidence]:
    for one in code.fact(ml.trained):
        if _runs_training(code, one.path):
            yield Evidence(f"{one.path} is run by a declared process", one.path, one.line)
    for file, lines in code.extracted(schedules):
        yield Evidence("A schedule of the workflow runs it", file.path, lines[0])


def _read_for_training(code: Codebase) -> list[Use]:
    files = [file for path in sorted({one.path for one in code.fact(ml.trained)}) if (file := code.get(path))]
    training = reached(code, files)
    return [one for one in ml.of(code, "read") if one.path in training]


def _tracked(code: Codebase, one: Use) -> SourceFile | None:
    return next((file for name in _guesses(one) if (file := code.get(name)) and file.tracked), None)


def _guesses(one: Use) -> list[str]:
    """Where it may be: from the root, from its reader, from wherever that is started."""
    from_root = normpath(one.literal)
    beside = normpath(f"{PurePosixPath(one.path).parent}/{one.literal}")
    return list(dict.fromkeys((from_root, beside, re.sub(r"^(?:\.\./)+", "", from_root))))


def _is_there(code: Codebase, one: Use) -> bool:
    """In the codebase, or known by its hash, or made by the code itself."""
    name = one.literal.removeprefix("./")
    guesses = _guesses(one)
    above = [str(part) for guess in guesses for part in (PurePosixPath(guess), *PurePosixPath(guess).parents)]
    if any(guess in code.files for guess in guesses) or any(f"{part}.dvc" in code.files for part in above):
        return True
    if any(path.startswith(f"{guess.rstrip('/')}/") for guess in guesses for path in code.files):
        return True
    file = code.get(one.path)
    made = file is not None and re.search(WRITES + re.escape(PurePosixPath(name).name), file.text)
    listed = any(name in file.text for file in code.find("dvc.yaml", "dvc.lock", "*.dvc", kinds=tuple(Kind)))
    return bool(made) or listed or not DATA.search(name)
