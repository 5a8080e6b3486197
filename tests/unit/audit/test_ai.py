"""The AI items: what is found, what only looks like it, and when they do not apply."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.judge import judge
from twelve.audit.model import AI_ITEMS
from twelve.audit.rules import ai, ai_data, relevances, witnesses

RULES = ai.RULES.rules
APP = "import joblib\nm = joblib.load(os.environ['MODEL_PATH'])\n@app.post('/p')\ndef p():\n{}\n"
TRAIN = "import sklearn, joblib\n{}\nmodel.fit(x, y)\n"


def found(files, prefix=""):
    return [
        (one.rule, one.path, one.line) for one in findings(Codebase.of(files), RULES) if one.rule.startswith(prefix)
    ]


def verdicts(files):
    code = Codebase.of(files)
    made = judge(code, findings(code, RULES), witnesses(), relevances())
    return {one.item: one.verdict.value for one in made if one.item in AI_ITEMS}


@pytest.mark.parametrize(
    ("prefix", "files", "expected"),
    [
        ("AI01-data-missing", {"t.py": TRAIN.format("x = pd.read_csv('a.csv')")}, [("AI01-data-missing", "t.py", 2)]),
        ("AI01-data-unv", {"t.py": TRAIN.format("x = load_dataset('org/d')")}, [("AI01-data-unversioned", "t.py", 2)]),
        ("AI02-model-o", {"t.py": TRAIN.format("joblib.dump(m, open('m.pkl', 'wb'))")}, [("AI02-model-overwrite", "t.py", 2)]),
        ("AI02-model-u", {"a.py": "import torch, transformers\nm = AutoModel.from_pretrained('org/m')"},
         [("AI02-model-unpinned-download", "a.py", 2)]),
        ("AI03", {"a.py": APP.format("    cache.append(1)\n    return m.predict(x)") + "cache = []\n"},
         [("AI03-inference-state", "a.py", 5)]),
        ("AI07", {"a.py": APP.format("    return m.predict(x)")}, [("AI07-no-fallback", "a.py", 5)]),
        ("AI07", {"a.py": APP.format("    try:\n        return m.predict(x)\n    except ValueError:\n        raise")},
         [("AI07-no-fallback", "a.py", 6)]),
        ("AI09-retrain", {"a.py": APP.format("    m.fit(x, y)\n    return m.predict(x)")}, [("AI09-retrain-in-web", "a.py", 5)]),
    ],
)  # fmt: skip
def test_what_is_found(prefix, files, expected):
    assert found(files, prefix) == expected


@pytest.mark.parametrize(
    ("prefix", "files"),
    [
        ("", {"a.py": "import pickle\nsession = pickle.loads(row)\n"}),
        ("", {"a.py": "import numpy as np\nx = np.polyfit(a, b, 1)\n", "form.py": "form.fit(1)\ncolumn.predict()\n"}),
        ("AI01", {"t.py": TRAIN.format("x = pd.read_csv(os.environ['DATA'])")}),
        ("AI01-data-missing", {"t.py": TRAIN.format("x = pd.read_csv('data/a.csv')"), "data/a.csv.dvc": "outs: []"}),
        ("AI01-data-missing", {"t.py": TRAIN.format("x.to_csv('a.csv')\nx = pd.read_csv('a.csv')")}),
        ("AI01-no-seed", {"t.py": TRAIN.format("model = LinearRegression()")}),
        ("AI02-model-in-git", {"a.py": APP.format("    return m.predict(x)"), "tests/m.pkl": "x", "m.onnx": "version https://git-lfs.github.com/spec/v1\n"}),
        ("AI02-model-in-git", {"cache.pkl": "x"}),
        ("AI02-model-u", {"a.py": "import transformers\nm = AutoModel.from_pretrained('./model')"}),
        ("AI02-unsafe", {"a.py": "import torch\nm = torch.load(p, weights_only=True)\n@app.get('/')\ndef f():\n    m.predict(1)"}),
        ("AI03", {"Procfile": "web: gunicorn a:app", "a.py": APP.format("    return m.predict(x)"), "t.py": TRAIN.format("")}),
        ("AI03", {"a.py": APP.format("    global m\n    if m is None:\n        m = load()\n    return m.predict(x)")}),
        ("AI04", {"a.py": APP.format("    return m.predict(x)")}),
        ("AI05", {"a.py": "import torch\nd = 'cuda' if torch.cuda.is_available() else 'cpu'"}),
        ("AI07", {"a.py": APP.format("    return m.predict(x)") + "@app.errorhandler(Exception)\ndef e(e): return DEFAULT"}),
        ("AI09", {"t.py": TRAIN.format(""), ".github/workflows/t.yml": "on:\n  schedule:\n    - cron: '0 0 * * *'\nrun: python t.py"}),
        ("", {"a.py": "import torch\ndef broken(:\n    model.fit("}),
    ],
)  # fmt: skip
def test_what_is_not(prefix, files):
    assert found(files, prefix) == []


def test_nothing_applies_to_an_app_without_a_model():
    assert set(verdicts({"Procfile": "web: gunicorn a:a", "a.py": "import numpy"}).values()) == {"na"}


def test_a_hosted_model_has_no_data_artifacts_or_training():
    said = verdicts(
        {"a.py": "import openai\n@app.post('/')\ndef f():\n    return c.chat.completions.create(model=M)\n"}
    )
    assert [said[item] for item in ("AI01", "AI02", "AI09")] == ["na"] * 3
    assert said["AI07"] == "fail"


def test_an_app_that_does_it_right_passes():
    body = """    try:
        started = perf_counter()
        answer = choose(variant(request)).predict(x)
        log.info("predicted", version=VERSION, latency=perf_counter() - started)
    except Exception:
        return DEFAULT
    return answer"""
    said = verdicts({
        "Procfile": "web: gunicorn a:app\ntrain: python t.py",
        "a.py": APP.replace("import joblib", "import joblib, hashlib").format(body),
        "t.py": TRAIN.format("x, y = load_digits()"),
    })  # fmt: skip
    # A pickle whose digest is compared is still a pickle.
    assert said == {item: "partial" if item == "AI02" else "pass" for item in AI_ITEMS}


@pytest.mark.parametrize(
    ("text", "runs"),
    [("with DAG('nightly'):\n    pass\n", True), ("NEEDLES = ('DAG(', '@flow')\n", False), ("# DAG('x')\n", False)],
)
def test_a_schedule_that_is_only_spoken_of_runs_nothing(text, runs):
    code = Codebase.of({"t.py": TRAIN.format(""), "dags.py": text})
    found = [one.rule for one in findings(code, ai_data.RULES.rules) if one.rule == "AI09-no-retrain-process"]
    assert bool(found) is not runs
