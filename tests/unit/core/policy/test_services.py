import pytest

from twelve.core.model import AddonWish, AppManifest
from twelve.core.policy.services import Want, attachment_for, provider_of, unknown_addons, wanted


@pytest.mark.parametrize(
    ("plan", "provider"),
    [
        ("heroku-postgresql:mini", "postgres"),
        ("postgresql", "postgres"),
        ("Postgres", "postgres"),
        ("heroku-redis:hobby-dev", "redis"),
        ("heroku-data-for-redis", "redis"),
        ("valkey", "redis"),
        ("bucketeer:hobbyist", "s3"),
        ("cloudcube", "s3"),
        ("smtp", "smtp"),
        ("nats", "nats"),
        ("mailgun:starter", None),  # an HTTP API with its own keys, not an SMTP server
        ("sendgrid", None),
        ("cloudamqp", None),
        ("", None),
    ],
)
def test_which_provider_stands_for_a_plan(plan, provider):
    assert provider_of(plan) == provider


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("DATABASE_URL", ("postgres", "DATABASE")),
        ("POSTGRES_URL", ("postgres", "POSTGRES")),
        ("REDIS_URL", ("redis", "REDIS")),
        ("VALKEY_URL", ("redis", "VALKEY")),
        ("CELERY_BROKER_URL", ("redis", "CELERY_BROKER")),
        ("S3_URL", ("s3", "S3")),
        ("S3_BUCKET", ("s3", "S3")),
        ("S3_SECRET_ACCESS_KEY", ("s3", "S3")),
        ("AWS_S3_ENDPOINT", ("s3", "AWS_S3")),
        ("EMAIL_URL", ("smtp", "EMAIL")),
        ("NATS_URL", ("nats", "NATS")),
        ("REDIS_TLS_URL", None),  # nothing here would answer TLS
        ("AWS_ACCESS_KEY_ID", None),  # may be for any service of theirs
        ("AWS_S3_ENDPOINT_URL", None),  # no attachment sets a key of that name
        ("BUCKETEER_BUCKET_NAME", None),
        ("REDIS_BUCKET", None),
        ("_URL", None),
        ("API_URL", None),
    ],
)
def test_what_would_set_a_key(key, found):
    assert attachment_for(key) == found


def manifest(*addons):
    return AppManifest(addons=tuple(AddonWish(*addon) for addon in addons))


@pytest.mark.parametrize(
    ("addons", "keys", "expected"),
    [
        ([], [], []),
        ([("heroku-postgresql:mini",)], [], [Want("postgres", "DATABASE")]),
        ([("heroku-postgresql",)], ["DATABASE_URL"], [Want("postgres", "DATABASE")]),  # asked for twice, made once
        ([("postgres", "analytics-db")], [], [Want("postgres", "ANALYTICS_DB")]),
        ([], ["REDIS_URL", "CELERY_BROKER_URL"], [Want("redis", "REDIS", ("CELERY_BROKER",))]),  # two names of one
        ([("postgres",)], ["POSTGRES_URL"], [Want("postgres", "DATABASE", ("POSTGRES",))]),
        ([("postgres",), ("postgres", "LOGS")], [], [Want("postgres", "DATABASE"), Want("postgres", "LOGS")]),
        ([], ["S3_URL", "S3_BUCKET", "S3_REGION"], [Want("s3", "S3")]),  # one attachment sets them all
        ([("papertrail",)], ["SECRET_KEY"], []),
    ],
)
def test_what_a_codebase_asks_for(addons, keys, expected):
    assert wanted(manifest(*addons), keys) == expected


def test_addons_nobody_offers_are_named():
    assert unknown_addons(manifest(("papertrail:choklad",), ("redis",))) == ["papertrail:choklad"]
