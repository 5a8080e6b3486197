import pytest

from twelve.core.errors import NotFound
from twelve.faces.api.capabilities import Capabilities


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def test_what_was_written_is_read():
    capabilities = Capabilities.of("token")
    secret = capabilities.issue("session", 60, {"app": "x", "lines": 5})
    facts = capabilities.open("session", secret)
    assert (facts["app"], facts["lines"]) == ("x", 5)


def test_it_outlives_a_restart_but_not_a_new_token():
    secret = Capabilities.of("token").issue("session", 60, {})
    assert Capabilities.of("token").open("session", secret)
    with pytest.raises(NotFound):
        Capabilities.of("another").open("session", secret)


def test_it_is_good_for_one_kind_of_thing():
    capabilities = Capabilities.of("token")
    with pytest.raises(NotFound):
        capabilities.open("source", capabilities.issue("source upload", 60, {}))


def test_it_expires():
    clock = Clock()
    capabilities = Capabilities(b"key", clock)
    secret = capabilities.issue("session", 60, {})
    clock.now += 59
    assert capabilities.open("session", secret)
    clock.now += 1
    with pytest.raises(NotFound, match="expired"):
        capabilities.open("session", secret)


def test_every_changed_character_spoils_it():
    capabilities = Capabilities.of("token")
    secret = capabilities.issue("session", 60, {"app": "x"})
    for place in range(len(secret) - 1):  # the last one holds padding bits
        changed = secret[:place] + ("A" if secret[place] != "A" else "B") + secret[place + 1 :]
        with pytest.raises(NotFound):
            capabilities.open("session", changed)


@pytest.mark.parametrize("secret", ["", ".", "a", "a.b", "a.b.c", "é.ü", "=.=", "....", "e30.", ".e30"])
def test_nonsense_leads_nowhere(secret):
    with pytest.raises(NotFound):
        Capabilities.of("token").open("session", secret)
