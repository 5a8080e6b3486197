import base64
import stat

import pytest

from twelve.faces.api import auth
from twelve.infra.settings import Settings

TOKEN = "a-token"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic("", TOKEN), basic("somebody", TOKEN), basic("a@b.example", TOKEN)],
)
def test_the_token_opens(header):
    assert auth.matches(TOKEN, header)


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer other", f"Token {TOKEN}", TOKEN, basic(TOKEN, ""), basic("x", "other"),
     "Basic !!!", "Basic /w==", f"Bearer {TOKEN}é"],
)  # fmt: skip
def test_anything_else_does_not(header):
    assert not auth.matches(TOKEN, header)


def test_the_first_start_makes_the_token_and_later_ones_keep_it(tmp_path):
    settings = Settings(home=tmp_path / "home")
    token = auth.load_token(settings)
    assert len(token) >= 43  # 256 bits
    assert auth.load_token(settings) == token
    assert stat.S_IMODE(settings.token_file.stat().st_mode) == 0o600


def test_another_home_has_another_token(tmp_path):
    assert auth.load_token(Settings(home=tmp_path / "a")) != auth.load_token(Settings(home=tmp_path / "b"))
