import pytest

from twelve.core.errors import UsageError
from twelve.core.formats import drain_url


def test_parts():
    url = drain_url.parse("https://us%40er:p%3Ass@logs.example.com:8443/in/put?key=1")
    assert (url.scheme, url.host, url.port, url.target) == ("https", "logs.example.com", 8443, "/in/put?key=1")
    assert (url.user, url.password) == ("us@er", "p:ss")
    assert url.is_http
    assert url.is_encrypted


@pytest.mark.parametrize(
    ("url", "port", "origin", "authority"),
    [
        ("syslog://a.example", 514, "syslog://a.example:514/", "a.example"),
        ("syslog+tls://a.example:6514", 6514, "syslog+tls://a.example:6514/", "a.example"),
        ("http://u:p@a.example/secret/path?k=v", 80, "http://a.example:80/", "a.example"),
        ("https://[::1]:9000/", 9000, "https://[::1]:9000/", "[::1]:9000"),
        ("otlp+http://a.example", 4318, "otlp+http://a.example:4318/", "a.example:4318"),
        ("otlp+https://a.example", 443, "otlp+https://a.example:443/", "a.example"),
    ],
)
def test_ports_and_what_a_log_may_say(url, port, origin, authority):
    read = drain_url.parse(url)
    assert (read.port, read.origin, read.authority) == (port, origin, authority)


def test_a_collector_is_asked_at_its_usual_path_with_the_headers_of_the_fragment():
    url = drain_url.parse("otlp+https://u:p@a.example#x-honeycomb-team=k%3Dey,b=")
    assert (url.target, url.headers, url.user) == ("/v1/logs", (("x-honeycomb-team", "k=ey"), ("b", "")), "u")
    assert url.is_http
    assert url.is_otlp
    assert drain_url.parse("otlp+http://a.example/otlp/v1/logs?k=v").target == "/otlp/v1/logs?k=v"
    assert drain_url.parse("https://a.example/#a=b").headers == ()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:secret@a.example:8443/x", "https://***@a.example:8443/x"),
        ("https://token@a.example/x?api-key=secret", "https://***@a.example/x?***"),
        ("https://user:p@ss@a.example/", "https://***@a.example/"),
        ("syslog://a.example:514", "syslog://a.example:514"),
        ("otlp+https://a.example#x-key=secret", "otlp+https://a.example#***"),
    ],
)
def test_a_listing_hides_credentials(url, shown):
    assert drain_url.shown(url) == shown
    assert "secret" not in repr(drain_url.parse(url))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "logs.example.com:514",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "https:///path",
        "syslog://a.example:0",
        "syslog://a.example:65536",
        "https://a.example:port/",
        "https://[::1/",
        "https://user:secret@a.example/ b",
        "https://user:secret@a.example/\nHost: b",
        "https://user:secret@ä.example/",
        "https://a.example/" + "x" * 2048,
        "otlp+https://a.example#secret",
        "otlp+https://a.example#bad name=secret".replace(" ", "%20"),
        "otlp+https://a.example#x-key=a%0D%0AHost:b",
    ],
)
def test_what_is_no_drain_is_refused_without_repeating_it(url):
    with pytest.raises(UsageError) as caught:
        drain_url.parse(url)
    assert "secret" not in str(caught.value)
