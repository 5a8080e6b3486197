"""The AI items: what is found, what only looks like it, and when they do not apply."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.judge import judge
from twelve.audit.model import AI_ITEMS
from twelve.audit.rules import ai, ai_data, relevances, witnesses

RULES = ai.RULES.rules
APP = "import joblib\nm = joblib.load(os.environ['MODEL_PATH'])\n@app.post('/p')\ndef p():\n{}\n"
HOSTED = "import openai\n@app.post('/')\ndef f():\n    return client.chat.completions.create(model={}, messages=[])\n"
READS = "import sklearn\ndef load():\n    return pd.read_csv('a.csv')\n"
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
        ("AI01-data-missing", {"t.py": "from data import load\nimport sklearn\nm.fit(load())", "data.py": READS},
         [("AI01-data-missing", "data.py", 3)]),
        ("AI02-model-o", {"t.py": TRAIN.format("with open('m.pkl', 'wb') as f:\n    joblib.dump(m, f)")}, [("AI02-model-overwrite", "t.py", 3)]),
        ("AI02-model-o", {"t.py": "import keras\nmodel.fit(x)\nmodel.save('m.h5')"}, [("AI02-model-overwrite", "t.py", 3)]),
        ("AI02-model-u", {"a.py": "import torch\nm = torch.hub.load('org/repo', 'resnet18')"},
         [("AI02-model-unpinned-download", "a.py", 2)]),
        ("AI02-unsafe", {"a.py": "from joblib import load\nm = load(P)\n@app.post('/')\ndef f():\n    return m.predict(x)"},
         [("AI02-unsafe-pickle", "a.py", 2)]),
        ("AI03-train", {"a.py": APP.format("    return m.predict(x)") + "@app.post('/t')\ndef t():\n    Thread(target=train).start()\ndef train():\n    m.fit(x)"},
         [("AI03-train-in-serve", "a.py", 10)]),
        ("AI09-retrain", {"a.py": "from t import train\n@app.post('/t')\ndef t():\n    train()", "t.py": "import sklearn\ndef train():\n    m.fit(x)"},
         [("AI09-retrain-in-web", "t.py", 3)]),
        ("AI03", {"a.py": APP.format("    last['x'] = x\n    return m.predict(x)") + "last = {}\n"}, [("AI03-inference-state", "a.py", 5)]),
        ("AI03", {"a.py": APP.format("    return p.predict(x)") + "class P:\n    def predict(self, x):\n        self.n += 1\n        return m.predict(x)"},
         [("AI03-inference-state", "a.py", 8)]),
        ("AI04-model", {"a.py": HOSTED.format("'gpt-4o'")}, [("AI04-model-path-hardcoded", "a.py", 4)]),
        *(("AI07-no-fallback", {"a.py": f"{made}\n@app.post('/')\ndef f():\n    return {asked}"}, [("AI07-no-fallback", "a.py", 5)])
          for made, asked in [
              ("from transformers import pipeline\nclf = pipeline('x', revision='a')", "clf(text)"),
              ("from sentence_transformers import SentenceTransformer\nm = SentenceTransformer(NAME)", "m.encode(text)"),
              ("import torch\nnet.load_state_dict(torch.load(PATH))", "net(x)"),
              ("import spacy\nnlp = spacy.load('en')", "nlp(text).ents"),
              ("from langchain_openai import ChatOpenAI\nllm = ChatOpenAI()", "llm.invoke(q)"),
          ]),
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
        ("AI01-data-missing", {"t.py": TRAIN.format("x = pd.read_csv('data/raw/a.csv')"), "data/raw.dvc": "outs: []"}),
        ("AI01-data-missing", {"src/t.py": TRAIN.format("x = pd.read_csv('../data/a.csv')"), "data/a.csv": "x"}),
        ("AI04-model", {"a.py": HOSTED.format("os.environ['MODEL_NAME']")}),
        # a queue's worker trains
        ("AI09-retrain", {"a.py": "from t import train\n@app.post('/t')\ndef t():\n    train.delay()", "t.py": "import sklearn\ndef train():\n    m.fit(x)"}),
        ("AI07", {"a.py": "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained(P)\n@app.post('/')\ndef f():\n    return tok(text)"}),
        ("AI03", {"a.py": APP.format("    memo[x] = m.predict(x)\n    return memo[x]") + "memo = {}\n"}),
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
