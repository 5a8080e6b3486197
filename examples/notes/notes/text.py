"""What the worker finds out about a text. Pure: bytes and strings in, values out."""

import re
from dataclasses import dataclass
from html.parser import HTMLParser

PREVIEW = 280
INDEXED = 200_000  # characters of a file that can be searched
TEXTUAL = {"application/json", "application/xml", "application/x-yaml", "application/toml", "application/javascript"}


@dataclass(frozen=True)
class Reading:
    text: str
    preview: str
    words: int


def words(text: str) -> int:
    return len(re.findall(r"\w+(?:['\u2019-]\w+)*", text))


def read(content: bytes, media_type: str) -> Reading:
    """The text in a file; an empty reading when there is none."""
    text = extract(content, media_type)[:INDEXED]
    return Reading(text, shorten(text), words(text))


def extract(content: bytes, media_type: str) -> str:
    kind = media_type.partition(";")[0].strip().lower()
    if b"\0" in content or not (kind.startswith("text/") or kind in TEXTUAL):
        return ""
    text = content.decode("utf-8", "replace")
    return _Visible.of(text) if kind == "text/html" else text


def shorten(text: str, length: int = PREVIEW) -> str:
    """The first words of it on one line, cut between two words."""
    line = " ".join(text[: length * 10].split())
    return line if len(line) <= length else line[: length + 1].rpartition(" ")[0][:length] + " \u2026"


class _Visible(HTMLParser):
    """Collects what a reader of an HTML page sees."""

    HIDDEN = frozenset({"script", "style", "head", "template"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.hidden = 0

    @classmethod
    def of(cls, page: str) -> str:
        parser = cls()
        parser.feed(page)
        parser.close()
        return " ".join(" ".join(parser.parts).split())

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's signature
        self.hidden += tag in self.HIDDEN

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in self.HIDDEN and self.hidden > 0

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)
