"""A prediction as a stranger can ask for one: in the Open Inference Protocol, whose metadata tells the inputs."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from twelve.audit.probes.ports import web_of
from twelve.audit.probes.probe import CannotTell
from twelve.audit.probes.trial import MODEL, VERSION, Trial
from twelve.core.errors import TwelveError
from twelve.core.model import Process
from twelve.core.policy.models import wish
from twelve.core.ports import BootResult

LARGEST = 100_000  # values of an input that are made up
HEADERS: dict[str, str] = {"Content-Type": "application/json"}
Inputs = list[dict[str, Any]]
MADE_UP: Mapping[str, Any] = {"BYTES": "a", "BOOL": True}  # of a datatype; 1 for numbers


@dataclass(frozen=True, slots=True)
class Prediction:
    """`degraded`: the answer says that it is not the model's own."""

    status: int
    version: str
    outputs: Any
    degraded: bool


def model_of(trial: Trial) -> str:
    if name := trial.given.get(MODEL) or (trial.release and trial.release.config.get(MODEL)):
        return name
    raise CannotTell(f"Its config ({MODEL} in .env.example or app.json) names no model that could be asked.")


def described(trial: Trial, process: Process) -> dict[str, Any]:
    """The metadata of the model: its versions and inputs."""
    path = f"/v2/models/{model_of(trial)}"
    try:
        answer = trial.ask(process.port or 0, path)
    except (OSError, http.client.HTTPException) as error:
        raise CannotTell(f"GET {path} got no answer ({type(error).__name__}).") from None
    document = _object(answer.body)
    if answer.status != 200 or not isinstance(document.get("inputs"), list):
        raise CannotTell(
            f"GET {path} answered {answer.status} without inputs: only the Open Inference Protocol tells a stranger "
            "how to ask for a prediction."
        )
    return document


def predicted(trial: Trial, process: Process, inputs: list[dict[str, Any]]) -> Prediction:
    """What a process answers; a status of 0 when nothing came."""
    return predicted_at(trial, process.port or 0, inputs)


def predicted_at(
    trial: Trial, port: int, inputs: list[dict[str, Any]], headers: Mapping[str, str] | None = None
) -> Prediction:
    body, told = json.dumps({"inputs": inputs}).encode(), HEADERS | dict(headers or {})
    try:
        answer = trial.ask(port, f"/v2/models/{model_of(trial)}/infer", body=body, headers=told)
    except (OSError, http.client.HTTPException):
        return Prediction(0, "", None, degraded=False)
    document = _object(answer.body)
    flags = [document, *(one for key in ("parameters", "_meta") if isinstance(one := document.get(key), dict))]
    marks = [(key, value) for one in (*flags, answer.headers) for key, value in one.items()]
    return Prediction(
        answer.status, str(document.get("model_version", "")), document.get("outputs"),
        degraded=any(_flags(key, value) for key, value in marks),
    )  # fmt: skip


def example_for(description: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An input of the kinds and shapes that the model wants; where any length goes, one."""
    return [_made_up(one) for one in description["inputs"] if isinstance(one, dict)]


@contextlib.contextmanager
def another(trial: Trial, changed: Mapping[str, str]) -> Iterator[BootResult]:
    """One more web process, out of service, with other config vars."""
    web_of(trial)
    spec = trial.one_more("web", changed={**changed, **_pins(trial, changed)})
    try:
        trial.platform.engine.start([spec])
        (result,) = trial.platform.engine.wait_up([spec.id])
        yield result
    finally:
        trial.platform.engine.stop([spec.id])


def asking(trial: Trial) -> tuple[Process, Inputs]:
    """A process that serves, and an input that its model takes."""
    (process, *_) = web_of(trial)
    inputs = example_for(described(trial, process))
    seen = predicted(trial, process, inputs)
    if seen.status != 200:
        raise CannotTell(f"{model_of(trial)} answered a made-up input with {seen.status or 'nothing'}.")
    if seen.degraded:
        why = trial.unserved or "Its own model did not load."
        raise CannotTell(f"{model_of(trial)} is answered for by a fallback from the beginning: {why}")
    return process, inputs


def _pins(trial: Trial, changed: Mapping[str, str]) -> dict[str, str]:
    """A release with another version has that version's digests; for one that does not exist there are none."""
    release = trial.release
    if release is None or release.model is None or VERSION not in changed:
        return {}
    from twelve.stages.models.resolve import resolve  # noqa: PLC0415 - the store's library is large

    config = {**release.config, **changed}
    try:
        asked = wish(config)
        return resolve(asked, config).config() if asked else {}
    except TwelveError:
        return {"MODEL_SHA256": "", "MODEL_PINS": "{}"}


def _made_up(tensor: Mapping[str, Any]) -> dict[str, Any]:
    sides = tensor.get("shape")
    listed = sides if isinstance(sides, list) else []
    shape = [side if isinstance(side, int) and side > 0 else 1 for side in listed] or [1]
    if prod(shape) > LARGEST:
        raise CannotTell(f"Its input {tensor.get('name')} is too large to be made up.")
    kind = str(tensor.get("datatype", "FP32"))
    value = MADE_UP.get(kind, 1)
    return {"name": tensor.get("name"), "shape": shape, "datatype": kind, "data": [value] * prod(shape)}


def _flags(key: str, value: Any) -> bool:
    named = key.lower().removeprefix("x-")
    return ("fallback" in named or "degraded" in named) and str(value).lower() not in {"", "0", "false", "none", "null"}


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
