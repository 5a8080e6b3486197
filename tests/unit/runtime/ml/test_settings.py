"""The environment of a model's release, and what is said when it is wrong."""

import pytest
from twelve_runtime.ml import settings
from twelve_runtime.ml.errors import BadConfig
from twelve_runtime.ml.settings import Default, Log, Rules, Version

PIN = "sha256:" + "a" * 64
ENV = {"MODEL_NAME": "digits", "MODEL_VERSION": "3", "MODEL_STORE_URL": "file:///models"}


def read(**more):
    return settings.read(ENV | more)


def test_three_variables_are_enough():
    found = read()
    assert (found.timeout, found.breaker_failures, found.breaker_seconds, found.max_batch) == (1.0, 5, 30.0, 1024)
    assert (found.workers, found.log, found.fallback, found.pin("3")) == (1, Log("all"), (), None)


def test_the_release_s_digest_is_the_pin_of_its_version_and_pins_those_of_others():
    found = read(MODEL_SHA256=PIN, MODEL_PINS='{"2":"sha256:%s"}' % ("b" * 64))
    assert (found.pin("3"), found.pin("2"), found.pin("1")) == (PIN, "sha256:" + "b" * 64, None)
    assert found.pin(PIN) == PIN


def test_a_default_takes_the_rest_of_the_chain_commas_and_all():
    found = read(MODEL_FALLBACK='2, rules:app.rules:predict,default:{"label":null,"why":"a,b"}')
    assert found.fallback == (Version("2"), Rules("app.rules:predict"), Default({"label": None, "why": "a,b"}))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MODEL_NAME", "", "MODEL_NAME"),
        ("MODEL_NAME", "Digits", "no name of a model"),
        ("MODEL_VERSION", "", "MODEL_VERSION is missing"),
        ("MODEL_VERSION", "latest", "resolved when a model is promoted"),
        ("MODEL_VERSION", "digits@champion", "no version"),
        ("MODEL_VERSION", "03", "no version"),
        ("MODEL_STORE_URL", "", "MODEL_STORE_URL is missing"),
        ("MODEL_STORE_URL", "https://models.example.com", "MODEL_STORE_URL is neither"),
        ("MODEL_SHA256", "abc", "sha256:<64 hex>"),
        ("MODEL_PINS", "[]", "no JSON object"),
        ("MODEL_PINS", '{"2":"x"}', "no JSON object"),
        ("MODEL_FALLBACK", "latest", "'latest' is no version"),
        ("MODEL_FALLBACK", "rules:app", "'rules:app' is no version"),
        ("MODEL_FALLBACK", "default:{", "needs a JSON object"),
        ("MODEL_FALLBACK", "default:3", "needs a JSON object"),
        ("MODEL_TIMEOUT_MS", "0", "from 1 to"),
        ("MODEL_TIMEOUT_MS", "1s", "no whole number"),
        ("MODEL_BREAKER", "0/30s", "such as 5/30s"),
        ("MODEL_BREAKER", "5", "such as 5/30s"),
        ("MODEL_ALLOW_PICKLE", "yes!", "neither 0 nor 1"),
        ("MODEL_BUILDER", "app", "module:callable"),
        ("PREDICTION_LOG", "some", "none of all"),
        ("PREDICTION_LOG", "sample:2", "none of all"),
        ("WEB_CONCURRENCY", "0", "from 1 to"),
        ("EXPERIMENT", "salt=s;unit=query:u;a=latest;b=4:0-9", "which is no version"),
        ("EXPERIMENT", "salt=s;unit=query:u;a=2;b=4:0-9", "the control is version 2, MODEL_VERSION is 3"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(name, value, said):
    with pytest.raises(BadConfig, match=said) as caught:
        read(**{name: value})
    assert caught.value.exit_code == 78


def test_all_complaints_come_at_once():
    with pytest.raises(BadConfig) as caught:
        read(MODEL_VERSION="latest", MODEL_BREAKER="x", PORT="-1")
    assert all(name in str(caught.value) for name in ("MODEL_VERSION", "MODEL_BREAKER", "PORT"))
