"""Which model config asks for: only pinned ones, and only where all three variables say so."""

import pytest

from twelve.core.errors import BadModel, ConfigError
from twelve.core.model import ModelVersion, ModelWish
from twelve.core.policy.models import fallbacks, unchanged, wish

DIGEST = "sha256:" + "a" * 64
ASKED = {"MODEL_NAME": "digits", "MODEL_VERSION": "3", "MODEL_STORE_URL": "file:///x"}


@pytest.mark.parametrize("key", sorted(ASKED))
def test_the_names_alone_may_mean_anything(key):
    """Many apps have a MODEL_NAME that is none of ours."""
    assert wish({k: v for k, v in ASKED.items() if k != key}) is None
    assert wish(ASKED | {key: ""}) is None


def test_a_whole_wish():
    more = {"MODEL_FALLBACK": "2", "MODEL_PUBLIC_KEY": "k", "MODEL_ALLOW_PICKLE": "1"}
    assert wish(ASKED | more) == ModelWish("digits", "3", ("2",), "file:///x", "k", allow_pickle=True)
    assert wish(ASKED | {"MODEL_VERSION": DIGEST}) == ModelWish("digits", DIGEST, (), "file:///x")


@pytest.mark.parametrize(
    "version", ["latest", "champion", "digits@champion", "@champion", "0", "03", "3 ", "v3", "sha256:a", "²"]
)
def test_an_alias_is_refused_with_what_to_do_instead(version):
    with pytest.raises(BadModel) as refused:
        wish(ASKED | {"MODEL_VERSION": version})
    assert "`twelve models promote digits@" in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "versions"),
    [
        ("", ()),
        ("2", ("2",)),
        (f"2, {DIGEST} ,1,2", ("2", DIGEST, "1")),
        ("rules:app.rules:predict", ()),
        ('2,rules:app:predict,default:{"label":null,"x":[1,2]}', ("2",)),
        ('default:{"a":"2,3"}', ()),
    ],
)
def test_the_versions_among_the_fallbacks(text, versions):
    assert fallbacks(text) == versions


@pytest.mark.parametrize(
    "text",
    [
        "champion",
        "2,",
        ",2",
        "2,,3",
        "rules:app",
        "rules:app:a.b",
        "rules:app:f()",
        "default:",
        "default:5",
        "default:{",
        "default:{},2",
    ],
)
def test_other_fallbacks_are_refused(text):
    with pytest.raises(ConfigError, match="MODEL_FALLBACK"):
        fallbacks(text)


def test_what_else_changes_is_no_other_model():
    assert unchanged(ASKED, ASKED | {"COLOUR": "blue"})
    assert not unchanged(ASKED, ASKED | {"MODEL_VERSION": "4"})
    assert not unchanged(ASKED, ASKED | {"MODEL_PUBLIC_KEY": "k"})


def test_what_the_platform_adds():
    model = ModelVersion("digits", "3", DIGEST, {"3": DIGEST, "2": "sha256:b"})
    assert model.ref == "digits@3"
    assert model.config() == {"MODEL_SHA256": DIGEST, "MODEL_PINS": f'{{"2":"sha256:b","3":"{DIGEST}"}}'}
    assert ModelVersion(**model.document()) == model
