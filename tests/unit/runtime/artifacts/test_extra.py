"""Artifacts need their own extra and nothing else: no numpy, no model's library."""

import pytest

from tests.unit.runtime.test_extras import EXTRAS, closure, imported, modules


@pytest.mark.parametrize("part", ["models", "datasets", "signing", "mlflow"])
def test_its_own_extra_is_enough(part):
    assert imported(f"twelve_runtime.artifacts.{part}", modules(closure(EXTRAS["artifacts"]))) == ""


def test_without_it_one_sentence_says_so():
    said = "twelve_runtime.artifacts needs obstore and cryptography: install twelve-runtime[artifacts]\n"
    assert imported("twelve_runtime.artifacts.models", set()) == said
