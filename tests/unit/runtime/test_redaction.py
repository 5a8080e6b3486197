"""What is secret by its name or by the form of a URL."""

import time

import pytest
from twelve_runtime.redaction import is_secret_name, mask

SECRET = "DB_PASSWORD PGPASSWORD apiKey API_KEY x-api-key Set-Cookie authorization client_secret sessionToken SESSION_ID private_key AWS_SECRET_ACCESS_KEY jwt proxy-authorization SECRET_KEY"
PLAIN = "cache_key key tokens max_tokens author session monkey path user_id passenger keyboard secretary primary_key"


@pytest.mark.parametrize("name", SECRET.split())
def test_secret_names(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_plain_names(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://u:hunter2@h:5/d", "postgres://u:[redacted]@h:5/d"),
        ("redis://:hunter2@h", "redis://:[redacted]@h"),
        ("to http://u:hun@ter2@h/p", "to http://u:[redacted]@h/p"),  # a password that nobody encoded
        ("s3://k:hun/ter2@h:1/b", "s3://k:[redacted]@h:1/b"),
        ("https://ghp_0123456789abcdefhunter2@host/x", "https://[redacted]@host/x"),
        ("/put?X-Amz-Signature=hunter2&x=1", "/put?X-Amz-Signature=[redacted]&x=1"),
        ("connect password=hunter2 host=h", "connect password=[redacted] host=h"),
        ("http://h:80/mail", "http://h:80/mail"),
        ("nobody@example.com tokens=15", "nobody@example.com tokens=15"),
    ],
)
def test_texts(text, shown):
    assert mask(text) == shown


@pytest.mark.parametrize("piece", ["://a:", "://", "a" * 7, "?token", "&x" * 3, "=@", "://a@"])
def test_hostile_texts_take_no_longer_than_they_are(piece):
    text = piece * (200_000 // len(piece)) + "://@="
    began = time.process_time()
    mask(text)
    assert time.process_time() - began < 3
