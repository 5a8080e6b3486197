import pytest

from twelve.core.errors import UsageError
from twelve.stages.services.url import UrlProvider

provider = UrlProvider()


@pytest.mark.parametrize(
    ("given", "attachment", "config"),
    [
        ("postgres://u:p@db.example.com:5432/x", "DATABASE", {"DATABASE_URL": "postgres://u:p@db.example.com:5432/x"}),
        ("DATABASE_URL=postgres://db/x", "DATABASE", {"DATABASE_URL": "postgres://db/x"}),
        ("SENTRY_DSN=https://k@sentry.example.com/1", "SENTRY_DSN", {"SENTRY_DSN": "https://k@sentry.example.com/1"}),
        ("SENTRY_DSN=https://k@sentry.example.com/1", "OTHER", {"OTHER_URL": "https://k@sentry.example.com/1"}),
        ("redis+sentinel://a,b/0", "REDIS", {"REDIS_URL": "redis+sentinel://a,b/0"}),
        ("file:///var/x", "FILES", {"FILES_URL": "file:///var/x"}),
        ("http://[::1]:80/a=b", "A", {"A_URL": "http://[::1]:80/a=b"}),
    ],
)
def test_a_url_comes_back_under_the_attachments_name(given, attachment, config):
    assert provider.config(attachment, provider.create(given)) == config


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("", "must begin with a scheme"),
        ("db.example.com", "must begin with a scheme"),
        ("mailto:ann", "must begin with a scheme"),
        ("postgres://", "names no host"),
        ("postgres://db:secret", "port is malformed"),
        ("http://[::1", "host or its port is malformed"),
        ("postgres://u:sec ret@db", "contains a space"),
        ("DATABASE_URL=postgres://db\n", "DATABASE_URL contains a space or a control character"),
        ("DATABASE_URL=secret", "DATABASE_URL is not a URL"),
    ],
)
def test_what_is_no_url_is_refused_without_repeating_it(given, sentence):
    with pytest.raises(UsageError, match=sentence) as caught:
        provider.create(given)
    assert "sec" not in str(caught.value)


def test_it_has_no_server():
    provider.ensure_running([{"url": "x"}])
    provider.stop()
    provider.release()
    provider.destroy({"url": "x"})
    assert provider.processes() == []
    assert provider.keys("DATABASE") == {"DATABASE_URL"}
