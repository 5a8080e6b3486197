"""The nine items for AI and ML: data, models, inference, versions, scaling, metrics, fallback, rollout, retraining."""

from collections.abc import Mapping

from twelve.audit.codebase import Codebase
from twelve.audit.judge import Witness
from twelve.audit.rule import Rulebook

RULES = Rulebook()


def irrelevant(_code: Codebase) -> str:
    """Why the items do not apply; empty when they do."""
    return ""


WITNESSES: Mapping[str, Witness] = {}
