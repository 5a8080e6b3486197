"""Factor XII, training: the script that makes the model is an admin task like any other."""

from collections.abc import Iterator

from twelve.audit.codebase import Codebase
from twelve.audit.facts import start
from twelve.audit.model import Hit
from twelve.audit.rule import WARNING, Rulebook
from twelve.audit.rules.ai_data import undeclared_training

RULES = Rulebook()


@RULES.of_code(
    "TF12-training-not-declared",
    WARNING,
    "The model is trained by a script that is no process of the app.",
    fix="Declare it in the Procfile (`train: python train.py`), so that it runs against a release.",
    why="Factor XII: one-off processes run against a release, with the codebase and config of any other process.",
    bad={"Procfile": "web: gunicorn app:app\n", "train.py": "import sklearn\nmodel.fit(x, y)\n"},
    good={
        "Procfile": "web: gunicorn app:app\ntrain: python train.py\n",
        "train.py": "import sklearn\nmodel.fit(x, y)\n",
    },
)
def training_is_no_process(code: Codebase) -> Iterator[Hit]:
    if code.fact(start.starts):
        for one in code.fact(undeclared_training):
            yield Hit(one.path, one.line, f"{one.path} trains a model, and no process type runs it.")
