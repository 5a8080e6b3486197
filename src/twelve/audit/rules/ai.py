"""The nine items for AI and ML: data, models, inference, versions, scaling, metrics, fallback, rollout, retraining."""

from collections.abc import Mapping

from twelve.audit.codebase import Codebase
from twelve.audit.facts import ml
from twelve.audit.judge import Relevance, Witness
from twelve.audit.rule import Rulebook
from twelve.audit.rules import ai_data, ai_models, ai_serving

RULES = Rulebook()
RULES.rules += [*ai_data.RULES.rules, *ai_models.RULES.rules, *ai_serving.RULES.rules]
NO_MODEL = "No model is loaded, trained or asked."


def nothing_trained(code: Codebase) -> str:
    if not _has_model(code):
        return NO_MODEL
    return "" if code.fact(ml.trained) else "Nothing is trained here: the models come from elsewhere."


def nothing_kept(code: Codebase) -> str:
    if not _has_model(code):
        return NO_MODEL
    return "" if ml.of(code, "load", "save", "train") else "The model is hosted elsewhere; no artifact is kept here."


def nothing_served(code: Codebase) -> str:
    if not _has_model(code):
        return NO_MODEL
    return "" if code.fact(ml.asked) else "No web process answers with a model."


def _has_model(code: Codebase) -> bool:
    return bool(ml.of(code, "load", "ask", "prompt", "train"))


IRRELEVANT: Mapping[str, Relevance] = {
    "AI01": nothing_trained,
    "AI02": nothing_kept,
    "AI03": nothing_served,
    "AI04": nothing_served,
    "AI05": nothing_served,
    "AI06": nothing_served,
    "AI07": nothing_served,
    "AI08": nothing_served,
    "AI09": nothing_trained,
}
WITNESSES: Mapping[str, Witness] = {
    "AI01": ai_data.witness_data,
    "AI02": ai_models.witness_releases,
    "AI03": ai_serving.witness_stateless,
    "AI04": ai_models.witness_version,
    "AI05": ai_serving.witness_scaling,
    "AI06": ai_serving.witness_metrics,
    "AI07": ai_serving.witness_fallback,
    "AI08": ai_serving.witness_rollout,
    "AI09": ai_data.witness_retraining,
}
