"""Which processes a rollout adds to a formation."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from twelve.core.model import FormationEntry, Rollout, RolloutStatus, Unit
from twelve.core.policy.rollout import opening
from twelve.flow.variants import wanted

APP = UUID(int=1)
ROLLOUT = Rollout(
    APP, APP, "shop", 1, Unit("cookie:uid"), opening(12, {13: 3000, 14: 500}, {}), 1, 1, RolloutStatus.RUNNING,
    datetime.now(UTC),
)  # fmt: skip


def formation(web):
    return [FormationEntry(APP, "web", web), FormationEntry(APP, "worker", 7)]


def test_by_weight_of_the_web_processes_and_one_at_least():
    assert wanted(ROLLOUT, formation(5)) == {("web", 10_001): 13, ("web", 10_002): 13, ("web", 20_001): 14}
    assert wanted(ROLLOUT, formation(1)) == {("web", 10_001): 13, ("web", 20_001): 14}


def test_as_many_as_somebody_said():
    told = replace(ROLLOUT, variants=opening(12, {13: 3000}, {13: 3}))
    assert wanted(told, formation(1)) == {("web", 10_001): 13, ("web", 10_002): 13, ("web", 10_003): 13}


def test_a_shadow_has_one():
    assert wanted(replace(ROLLOUT, variants=ROLLOUT.variants[:1], shadow=15), formation(4)) == {("web", 100_001): 15}


def test_none_where_nothing_serves():
    assert wanted(ROLLOUT, formation(0)) == {}
    assert wanted(None, formation(3)) == {}
