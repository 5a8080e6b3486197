"""What the worker finds out about a text."""

from notes import text


def test_words_are_counted_as_people_count_them() -> None:
    assert text.words("It's a well-known fact: naïve cafés, 3 of them.") == 9
    assert text.words(" \n") == 0


def test_html_gives_what_a_reader_sees() -> None:
    page = b"<head><title>t</title></head><p>One &amp; two</p><script>no()</script><p>three"
    assert text.read(page, "text/html; charset=utf-8").text == "One & two three"


def test_binary_content_has_no_text_whatever_its_type_says() -> None:
    assert text.read(b"GIF\0", "text/plain").text == ""
    assert text.read(b"hello", "image/png").words == 0


def test_broken_utf8_is_still_read() -> None:
    assert text.read(b"caf\xe9 noir", "text/plain").words == 2


def test_a_preview_ends_between_two_words() -> None:
    assert text.shorten("one two three", 9) == "one two …"
    assert text.shorten("short", 9) == "short"
