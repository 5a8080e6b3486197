"""An app whose models are trained and served by twelve_runtime.ml: what it promises counts, what it leaves open not."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.judge import judge
from twelve.audit.rules import ai, relevances, witnesses

SERVED = {"AI02", "AI03", "AI04", "AI05", "AI06", "AI08"}
TRAINING = {"train.py": "from twelve_runtime.ml import training\nforest.fit(x, y)  # sklearn\nimport sklearn\n"}


def verdicts(**files):
    code = Codebase.of({name.replace("__", "."): text for name, text in files.items()})
    made = judge(code, findings(code, ai.RULES.rules), witnesses(), relevances())
    return {one.item: one.verdict.value for one in made if one.item.startswith("AI") or one.item in {"VII", "IX"}}


@pytest.mark.parametrize("command", ["python -m twelve_runtime.ml serve", "twelve-serve", "exec twelve-serve"])
def test_the_server_keeps_what_it_promises(command):
    said = verdicts(Procfile=f"web: {command}\n")
    assert {item for item, verdict in said.items() if verdict == "pass"} == SERVED | {"VII", "IX"}
    assert said["AI07"] == "unknown"  # it has a fallback only where config names one
    assert said["AI01"] == "na"


@pytest.mark.parametrize(
    "command", ["python -m twelve_runtime.ml drift", "python -m twelve_runtime.ml", "python -m twelve"]
)
def test_its_jobs_are_no_servers(command):
    said = verdicts(Procfile=f"web: {command}\n")
    assert "pass" not in {said["AI03"], said["AI06"], said["VII"], said["IX"]}


def test_a_job_of_the_library_beside_another_server_does_not_count():
    said = verdicts(Procfile="web: gunicorn app:app\nworker: twelve-serve\n", app__py="")
    assert said["AI06"] == "na"


@pytest.mark.parametrize(
    "files",
    [{"app__json": '{"env": {\n"MODEL_FALLBACK": "2"}}'}, {"__env__example": "# MODEL_FALLBACK=2\n"}],
)
def test_config_says_what_answers_when_the_model_fails(files):
    assert verdicts(Procfile="web: twelve-serve\n", **files)["AI07"] == "pass"
    assert verdicts(Procfile="web: serve app\n", **files)["AI07"] == "na"


def test_a_training_of_the_library_has_versions_of_data_and_models():
    said = verdicts(Procfile="train: python train.py\n", train__py=TRAINING["train.py"])
    assert (said["AI01"], said["AI02"], said["AI09"]) == ("pass", "pass", "pass")
    plain = verdicts(Procfile="train: python train.py\n", train__py="import sklearn\nforest.fit(x, y)\n")
    assert (plain["AI01"], plain["AI02"]) == ("unknown", "unknown")
