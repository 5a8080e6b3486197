"""The nine items for AI and ML: data, models, inference, versions, scaling, metrics, fallback, rollout, retraining."""

from collections.abc import Iterator, Mapping

from twelve.audit.codebase import Codebase
from twelve.audit.facts import ml
from twelve.audit.judge import Relevance, Witness
from twelve.audit.model import Evidence
from twelve.audit.rule import Rulebook
from twelve.audit.rules import ai_data, ai_library, ai_models, ai_serving

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
    return (
        ""
        if ml.of(code, "load", "save", "train") or ai_library.served(code)
        else "The model is hosted elsewhere; no artifact is kept here."
    )


def nothing_served(code: Codebase) -> str:
    if not _has_model(code):
        return NO_MODEL
    return "" if code.fact(ml.asked) or ai_library.served(code) else "No web process answers with a model."


def _has_model(code: Codebase) -> bool:
    return bool(ml.of(code, "load", "ask", "prompt", "train")) or ai_library.served(code) is not None


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


def _either(*witnesses: Witness) -> Witness:
    """What the app's own code shows, and what the library does for it."""

    def told(code: Codebase) -> Iterator[Evidence]:
        for witness in witnesses:
            yield from witness(code)

    return told


WITNESSES: Mapping[str, Witness] = {
    "AI01": _either(ai_data.witness_data, ai_library.data),
    "AI02": _either(ai_models.witness_releases, ai_library.releases),
    "AI03": _either(ai_serving.witness_stateless, ai_library.stateless),
    "AI04": _either(ai_models.witness_version, ai_library.version),
    "AI05": _either(ai_serving.witness_scaling, ai_library.scaling),
    "AI06": _either(ai_serving.witness_metrics, ai_library.metrics),
    "AI07": _either(ai_serving.witness_fallback, ai_library.fallback),
    "AI08": _either(ai_serving.witness_rollout, ai_library.rollout),
    "AI09": _either(ai_data.witness_retraining, ai_library.retraining),
}
