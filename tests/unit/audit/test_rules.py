"""Every rule finds its bad example and passes its good one: that is what `--explain` shows."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.model import ITEMS
from twelve.audit.rules import all_rules

RULES = {rule.id: rule for rule in all_rules()}


def hits(rule, files):
    return findings(Codebase.of(files), [rule])


def test_ids_are_unique_and_name_their_item():
    assert len(RULES) == len(all_rules())
    assert all(rule.item in ITEMS for rule in all_rules())


@pytest.mark.parametrize("id_", RULES)
def test_the_bad_example_is_found(id_):
    assert hits(RULES[id_], RULES[id_].bad)


@pytest.mark.parametrize("id_", RULES)
def test_the_good_example_is_not(id_):
    assert not hits(RULES[id_], RULES[id_].good)


@pytest.mark.parametrize("id_", RULES)
def test_it_says_what_and_what_instead(id_):
    rule = RULES[id_]
    assert rule.title.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.bad != rule.good
