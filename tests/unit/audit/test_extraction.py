"""What is extracted from files reaches the rules of the codebase; files that cannot matter are not even parsed."""

import pytest

from twelve.audit.codebase import EXTRACTIONS, Codebase, Extraction, Kind, SourceFile
from twelve.audit.engine import findings
from twelve.audit.rule import ERROR, RUN, Rulebook
from twelve.audit.sieve import Sieve

PYTHON = {"a.py": "import os\n", "b.py": "x = 1\n", "test_c.py": "import os\n", "d.rb": "import os"}


def imports(file):
    return [(alias.name, node.lineno) for node in file.nodes for alias in getattr(node, "names", [])]


def wanted(**over):
    return Extraction(**{"function": imports, "languages": ("python",), "needles": (b"import",), "kinds": RUN, **over})


def test_only_files_that_say_something_come_back_as_json_has_it():
    found = Codebase.of(PYTHON).extracted(wanted())
    assert [(file.path, said) for file, said in found] == [("a.py", [["os", 1]])]


def test_a_rule_gets_what_the_look_at_the_files_has_found(monkeypatch):
    asked, seen = [], []

    def once(file):
        asked.append(file.path)
        return imports(file)

    extraction = wanted(function=once)
    monkeypatch.setitem(EXTRACTIONS, extraction.id, extraction)
    rules = Rulebook()

    @rules.of_code("TF03-x", ERROR, "X.", fix="Y.", bad={}, good={})
    def uses(code):
        seen.extend(code.extracted(extraction))
        seen.extend(code.extracted(extraction))
        yield from ()

    findings(Codebase.of(PYTHON), rules.rules)
    assert asked == ["a.py"]
    assert len(seen) == 2


def test_what_was_read_is_forgotten_after_the_look():
    read = []
    file = SourceFile("a.py", lambda: read.append(1) or b"import os")
    assert file.nodes
    assert file.lines == ["import os"]
    file.forget()
    assert file.text == "import os"
    assert len(read) == 2


@pytest.mark.parametrize(
    ("needles", "text", "passes"),
    [
        ((), b"", True),
        ((b"FileHandler",), b"RotatingFileHandler('x')", True),
        ((b"FileHandler",), b"File Handler", False),
        ((b"os.environ",), b"os.environ", True),
        ((b"os.environ",), b"environ.os", False),
        ((b"://",), b"redis://x", True),
        ((b"://",), b"redis:/x", False),
        ((b"if", b"nothing"), b"if x", True),
        ((b"AKIA",), b"\xff\xfe AKIAXYZ \x80", True),
    ],
)
@pytest.mark.parametrize("few", [0, 24])
def test_a_file_passes_when_a_needle_is_in_it(needles, text, passes, few, monkeypatch):
    asker = wanted(needles=needles)
    sieve = Sieve([asker])
    monkeypatch.setattr("twelve.audit.sieve.FEW", few)
    for _ in range(2):  # the second time every word is known
        assert sieve.passed(SourceFile("a.py", lambda: text)) == ([asker] if passes else [])


def test_language_and_kind_are_asked_first():
    unreadable = SourceFile("a.rb", lambda: pytest.fail("was read"))
    test = SourceFile("tests/a.py", lambda: pytest.fail("was read"))
    sieve = Sieve([wanted()])
    assert not sieve.passed(unreadable)
    assert not sieve.passed(test)
    assert test.kind is Kind.TEST
