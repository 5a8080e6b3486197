import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.errors import BadManifest
from twelve.core.formats import app_json
from twelve.core.model import AddonWish, AppManifest, EnvWish, FormationWish, HealthCheck
from twelve.core.model.schedule import wish_of

FULL = """{
  "name": "notes",
  "description": "Write notes",
  "repository": "https://example.com/notes",
  "env": {
    "SECRET_KEY": {"description": "Signs cookies", "generator": "secret"},
    "GREETING": "hello",
    "SENTRY_DSN": {"required": false}
  },
  "addons": ["heroku-postgresql:mini", {"plan": "heroku-redis", "as": "CACHE"}],
  "formation": {"web": {"quantity": 2, "size": "Standard-2X", "boot_timeout": 90}, "clock": {"rollout": "exclusive"}},
  "healthchecks": {
    "web": [
      {"type": "startup", "name": "up", "path": "/health", "content": "ok", "attempts": 3,
       "httpHeaders": [{"name": "X-Check", "value": "1"}], "timeout": 2, "wait": 0.5, "initialDelay": 1},
      {"type": "liveness", "command": ["bin/alive", "--now"]}
    ],
    "worker": [{"uptime": 10}, {"listening": true}]
  },
  "cron": [{"command": "python purge.py", "schedule": "@daily", "ttl": 600, "suspend": true}]
}"""


def test_every_key_is_read():
    manifest, notes = app_json.parse(FULL.encode())
    assert notes == []
    assert manifest == AppManifest(
        name="notes",
        description="Write notes",
        env=(
            EnvWish("SECRET_KEY", description="Signs cookies", generator="secret"),
            EnvWish("GREETING", value="hello"),
            EnvWish("SENTRY_DSN", required=False),
        ),
        addons=(AddonWish("heroku-postgresql:mini"), AddonWish("heroku-redis", "CACHE")),
        formation={
            "web": FormationWish(quantity=2, size="standard-2x", boot_timeout=90),
            "clock": FormationWish(rollout="exclusive"),
        },
        healthchecks={
            "web": (
                HealthCheck(
                    name="up", path="/health", content="ok", attempts=3, http_headers=(("X-Check", "1"),),
                    timeout=2, wait=0.5, initial_delay=1,
                ),
                HealthCheck(type="liveness", command=("bin/alive", "--now")),
            ),
            "worker": (HealthCheck(uptime=10), HealthCheck(listening=True)),
        },
        cron=({"command": "python purge.py", "schedule": "@daily", "ttl": 600, "suspend": True},),
    )  # fmt: skip


ERRORS = [
    # not JSON, or not an object
    ('{\n  "name": "x",\n}', 3, 1, "bad-json"),
    ("", 1, 1, "bad-json"),
    ('{"a": NaN}', 1, 1, "bad-json"),  # Python's decoder takes it, JSON does not have it
    ("[" * 20_000, 1, 1, "bad-json"),
    ('{"a": 1' + "0" * 5000 + "}", 1, 1, "bad-json"),
    ("[]", 1, 1, "wrong-type"),
    ('{\n"name": "a\\u0000b"}', 2, 1, "control-character"),  # no process can be given it
    ('{"name": "\\ud800"}', 1, 2, "control-character"),  # and this cannot be written as UTF-8
    # wrong types, with the line of the key
    ('{\n  "name": 5\n}', 2, 3, "wrong-type"),
    ('{\n  "env": {"name": {\n"value": "x"}},\n  "name": 1}', 4, 3, "wrong-type"),  # not fooled by a name elsewhere
    ('{"env": {"A-B": "x"}}', 1, 10, "bad-key"),
    ('{"env": {"A": {"required": "no"}}}', 1, 16, "wrong-type"),
    ('{"addons": "heroku-postgresql"}', 1, 2, "wrong-type"),
    ('{"addons": ["a",\n {"as": "B"}]}', 2, 2, "no-plan"),
    ('{"addons": ["a", 5]}', 1, 18, "no-plan"),
    ('{"formation": []}', 1, 2, "wrong-type"),
    ('{"formation": {"web": 2}}', 1, 16, "wrong-type"),
    ('{"formation": {"web": {\n "quantity": "2"}}}', 2, 2, "wrong-type"),
    ('{"formation": {"web": {\n "quantity": true}}}', 2, 2, "wrong-type"),
    ('{"formation": {"web": {"quantity": 1000}}}', 1, 24, "out-of-range"),
    ('{"formation": {"web": {"boot_timeout": 1e999}}}', 1, 24, "out-of-range"),
    ('{"formation": {"web": {"rollout": "slow"}}}', 1, 24, "unknown-value"),
    # exactly one way to check
    ('{"healthchecks": {"web": [\n{}]}}', 2, 1, "no-one-way"),
    ('{"healthchecks": {"web": [{"path": "/", "uptime": 2}]}}', 1, 27, "no-one-way"),
    ('{"healthchecks": {"web": {"path": "/"}}}', 1, 19, "wrong-type"),
    ('{"healthchecks": {"web": [{"path": "health"}]}}', 1, 28, "out-of-range"),
    ('{"healthchecks": {"web": [{"listening": false}]}}', 1, 28, "out-of-range"),
    ('{"healthchecks": {"web": [{"command": "true"}]}}', 1, 28, "wrong-type"),
    ('{"healthchecks": {"web": [{"command": []}]}}', 1, 28, "out-of-range"),
    ('{"healthchecks": {"web": [{"path": "/", "type": "ready"}]}}', 1, 41, "unknown-value"),
    ('{"healthchecks": {"web": [{"path": "/", "httpHeaders": [{"name": "A", "value": "b\\r\\nC: d"}]}]}}', 1, 57, "bad-header"),
    # cron: a bad entry is named by its index
    ('{"cron": [{"command": "a", "schedule": "@daily"},\n{"command": "a"}]}', 2, 1, "no-cron-schedule"),
    ('{"cron": [{"command": "a", "schedule": "@daily", "concurrency_policy": "maybe"}]}', 1, 50, "unknown-value"),
    ('{"cron": [{"command": "a", "schedule": "@daily"},\n{"command": "a", "schedule": "@reboot"}]}', 2, 1, "bad-cron"),
    ('{"cron": [{"command": "a", "schedule": "@daily", "timezone": "Mars/Olympus"}]}', 1, 11, "bad-cron"),
    ('{"cron": [{"command": "a", "schedule": "@daily"},\n{"command": "a", "schedule": "@daily"}]}', 2, 1, "same-name"),
    ('{"cron": [{"command": [], "schedule": "@daily"}]}', 1, 12, "wrong-type"),
    ('{"cron": [{"schedule": "@daily", "retrain": false}]}', 1, 11, "no-cron-command"),
    ('{"cron": [{"command": "a", "schedule": "@daily", "retrain": "yes"}]}', 1, 50, "wrong-type"),
    ('{"cron": [{"schedule": "@dail", "retrain": true}]}', 1, 11, "bad-cron"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "line", "column", "code"), ERRORS, ids=[f"{row[3]}-{row[0][:40]}" for row in ERRORS]
)
def test_errors_and_where_they_are(source, line, column, code):
    errors = [note for note in app_json.parse(source.encode())[1] if note.level == "error"]
    assert [(note.line, note.column, note.code) for note in errors] == [(line, column, code)]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{"formation": {"web": {"speed": 1}}}', "formation.web.speed is not known and is ignored"),
        (
            '{"formation": {"web": {"size": "hobby"}}}',
            "formation.web.size is ignored: known sizes are eco, basic, standard-1x, standard-2x, performance-m, performance-l",
        ),
        ('{"healthchecks": {"web": [{"path": "/", "port": 80}]}}', "healthchecks.web[0].port is read and ignored"),
        ('{"env": {"WEB_CONCURRENCY": 2}}', "env.WEB_CONCURRENCY is taken as text; write it in quotes"),
        ('{"env": {"A": {"generator": "uuid"}}}', 'env.A.generator is ignored: "secret" is the one generator'),
        ('{"cron": [{"command": "a", "schedule": "@daily", "x": 1}]}', "cron[0].x is not known and is ignored"),
    ],
)
def test_warnings(source, message):
    _, notes = app_json.parse(source.encode())
    assert [(note.level, note.message) for note in notes] == [("warning", message)]


def test_a_bad_schedule_says_which_and_why():
    with pytest.raises(BadManifest) as caught:
        app_json.load(
            b'{"cron": [{"command": "a", "schedule": "@daily"},\n{"command": "b", "schedule": "0 0 30 2 *"}]}'
        )
    assert str(caught.value) == (
        'app.json:2:1: cron[1]: "0 0 30 2 *" is no schedule: such a date does not come within 9 years.'
    )


def test_values_that_are_no_text_are_taken_as_meant():
    manifest, _ = app_json.parse(b'{"env": {"A": 2, "B": {"value": true}}}')
    assert [(wish.key, wish.value) for wish in manifest.env] == [("A", "2"), ("B", "true")]


def test_the_error_says_where_and_all_of_it():
    with pytest.raises(BadManifest) as caught:
        app_json.load(b'{\n"name": 1,\n"description": 2}')
    assert str(caught.value) == "app.json:2:1: name must be text (1 more below)."
    assert caught.value.log == (
        "app.json:2:1: error: name must be text",
        "app.json:3:1: error: description must be text",
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 1001) | st.floats() | st.sampled_from(["", "/", "web", "startup", "A"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "env",
                    "addons",
                    "plan",
                    "formation",
                    "healthchecks",
                    "cron",
                    "web",
                    "quantity",
                    "path",
                    "command",
                    "A",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(document=JSON)
def test_no_document_raises(document):
    app_json.parse(json.dumps(document, indent=1).encode())


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=40) | st.text('{}[],:" \n\\a1', max_size=30).map(str.encode))
def test_no_bytes_raise(data):
    app_json.parse(data)


def test_a_schedule_may_retrain_instead_of_running_a_command():
    manifest, notes = app_json.parse(b'{"cron": [{"schedule": "0 3 * * *", "retrain": true, "name": "nightly"}]}')
    assert not notes
    wish = wish_of(manifest.cron[0])
    assert (wish.retrain, wish.command, wish.name, wish.policy) == (True, "train", "nightly", "forbid")
    assert wish_of({"schedule": "@daily", "command": "refit", "retrain": True}).command == "refit"
    assert wish_of({"schedule": "@daily", "command": "refit"}).retrain is False
