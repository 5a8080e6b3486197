"""What people accept, with a reason and for a time; and that nothing else makes a finding disappear."""

from datetime import date

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.ignores import ignored
from twelve.audit.model import Hit
from twelve.audit.rule import ERROR, Rulebook

TODAY = date(2026, 6, 1)
MARK = "twelve: ignore"
BOOK = Rulebook()


@BOOK.of_files("TF03-x", ERROR, "X.", fix="Y.", bad={}, good={}, needles=("BAD",))
def bad_words(file):
    return [Hit(file.path, number) for number, line in enumerate(file.lines, 1) if "BAD" in line]


@BOOK.of_code("TF01-y", ERROR, "Y.", fix="Y.", bad={}, good={})
def whole(code):
    return [Hit("all.py")] if code.get("all.py") else []


def reasons(files):
    code = Codebase.of(files)
    found, notes = ignored(code, findings(code, BOOK.rules), {"TF03-x", "TF01-y", "TF05-z"}, TODAY)
    return {(one.path, one.line): one.suppressed for one in found}, notes


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.py", f"BAD = 1  # {MARK}[TF03-x] it is a demo\n", 1),
        ("a.py", f"BAD = 1  #{MARK}[TF03-x] it is a demo\n", 1),
        ("a.py", f"# {MARK}[TF03-x] it is a demo\nBAD = 1\n", 2),
        ("a.py", f"    # {MARK}[TF03-x] it is a demo\n    BAD = 1\n", 2),
        ("a.py", f"# {MARK}[TF05-z, TF03-x] it is a demo\nBAD = 1\n", 2),
        ("a.py", f"# {MARK}[TF03-x] it is a demo\n# {MARK}[TF05-z] another\nBAD = 1\n", 3),
        ("a.js", f"BAD() // {MARK}[TF03-x] it is a demo", 1),
        ("a.js", f"/* {MARK}[TF03-x] it is a demo */\nBAD()", 2),
        ("a.java", f"/**\n * // {MARK}[TF03-x] it is a demo */\nBAD();", 3),
        ("a.go", f"BAD() // {MARK}[TF03-x] it is a demo until 2026-06-01", 1),
        ("a.rb", f"BAD # {MARK}[TF03-x] it is a demo (until 2027-01-31)", 1),
        ("a.xml", f"<!-- {MARK}[TF03-x] it is a demo -->\n<BAD/>", 2),
        ("a.sql", f"BAD -- {MARK}[TF03-x] it is a demo [until 2027-01-31]", 1),
        ("a.ini", f"; {MARK}[TF03-x] it is a demo\nBAD=1", 2),
        ("a.html", f"{{# {MARK}[TF03-x] it is a demo #}}\nBAD", 2),
        ("a.erb", f"<%# {MARK}[TF03-x] it is a demo %>\nBAD", 2),
        ("Dockerfile", f"# {MARK}[TF03-x] it is a demo\nRUN BAD", 2),
    ],
)
def test_a_comment_with_a_reason_ignores_its_line_or_the_next(name, text, line):
    found, _notes = reasons({name: text})
    assert found == {(name, line): "it is a demo"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"BAD = 1  # {MARK}[TF03-x]", "a.py:1: the ignore of TF03-x gives no reason, so it has no effect"),
        (f"BAD = 1  # {MARK}[TF03-x] until 2027-01-31", "a.py:1: the ignore of TF03-x gives no reason"),
        (f"BAD = 1  # {MARK}[TF03-x] demo until 2026-05-31", "a.py:1: the ignore of TF03-x ended on 2026-05-31"),
        (f"BAD = 1  # {MARK}[TF03-x] demo until 2027-02-31", "a.py:1: the ignore of TF03-x ends on 2027-02-31, which"),
        (f"BAD = 1  # {MARK}[TF03-q] demo", "a.py:1: there is no rule TF03-q."),
        (f"BAD = 1  # {MARK}[] demo", "a.py:1: this ignore names no rule"),
        (f"BAD = 1\n\nx = 1  # {MARK}[TF03-x] demo", "a.py:3: the ignore of TF03-x can go"),
        (f"x = 1  # {MARK}[TF03-x] demo\nBAD = 1", "a.py:1: the ignore of TF03-x can go"),
        (f"BAD = 1  # {MARK}[TF05-z] demo", "a.py:1: the ignore of TF05-z can go"),
    ],
)
def test_one_without_effect_is_told_and_the_finding_stays(text, said):
    found, notes = reasons({"a.py": text})
    assert list(found.values()) == [None]
    assert len(notes) == 1
    assert notes[0].startswith(said)


def test_nobody_is_bothered_about_samples_in_documents_and_tests():
    _found, notes = reasons({"README.md": f"`# {MARK}[TF03-x] reason`", "tests/test_a.py": f"# {MARK}[TF03-x] reason"})
    assert notes == []


def test_the_top_of_a_file_speaks_for_the_whole_file():
    found, notes = reasons({"all.py": f"#!/usr/bin/python\n# {MARK}[TF01-y] one of a kind\n"})
    assert found == {("all.py", None): "one of a kind"}
    assert notes == []


ENTRY = '[[audit.ignore]]\nrule = "TF03-x"\npaths = ["legacy/**"]\nreason = "old"\n'


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (ENTRY, "old"),
        (ENTRY + "until = 2027-01-31\n", "old"),
        (ENTRY + 'until = "2027-01-31"\n', "old"),
        (ENTRY.replace('"TF03-x"', '["TF05-z", "TF03-x"]'), "old"),
        (ENTRY.replace("legacy/**", "a.py"), "old"),
        (ENTRY.replace("legacy/**", "other/**"), None),
        (ENTRY.replace('reason = "old"', ""), None),
        (ENTRY.replace("old", "  "), None),
        (ENTRY.replace('"old"', "3"), None),
        (ENTRY + "until = 2026-05-31\n", None),
        (ENTRY + "until = 12\n", None),
        (ENTRY.replace('paths = ["legacy/**"]', ""), None),
        (ENTRY.replace('"TF03-x"', "[3]"), None),
        ('audit = "x"', None),
        ('[audit]\nignore = "x"', None),
        ("[[audit.ignore]]\n", None),
        ("not toml", None),
    ],
)
def test_paths_are_ignored_by_the_configuration(config, reason):
    found, _notes = reasons({"twelve.toml": config, "legacy/shop/a.py": "BAD = 1"})
    assert found == {("legacy/shop/a.py", 1): reason}


def test_an_entry_without_effect_is_told_by_its_number():
    _found, notes = reasons({"twelve.toml": ENTRY + "\n" + ENTRY.replace('reason = "old"', ""), "legacy/a.py": "BAD"})
    assert len(notes) == 1
    assert notes[0].startswith("twelve.toml: audit.ignore 2: the ignore of TF03-x gives no reason")


def test_notes_are_bounded():
    _found, notes = reasons({"a.py": f"x = 1  # {MARK}[TF03-x]\n" * 5000})
    assert len(notes) == 21
    assert notes[-1] == "4980 more ignores have no effect."
