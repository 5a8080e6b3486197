"""What was said of a file is believed as long as file and rules are the same, and no other file in the cache's place is."""

import os
import time

import pytest

from twelve.audit import memory as memories
from twelve.audit.audit import audit
from twelve.audit.codebase import EXTRACTIONS, Extraction
from twelve.audit.engine import Said
from twelve.audit.memory import FileMemory
from twelve.audit.model import Hit, Severity, Verdict
from twelve.audit.read import read
from twelve.audit.rule import ERROR, Rulebook

LONG_AGO = time.time() - 3600


class Shop:
    """A codebase, rules that count how often they look, and a cache."""

    def __init__(self, directory):
        self.root, self.cache, self.looked = directory / "shop", directory / "cache", []
        self.root.mkdir()
        self.book = Rulebook()

        @self.book.of_files("TF11-x", ERROR, "X.", fix="Y.", bad={}, good={}, needles=("print",))
        def prints(file):
            self.looked.append(file.path)
            file.complete = "unsure" not in file.text
            return [
                Hit(file.path, number, "é", Severity.INFO, Verdict.PARTIAL)
                for number, line in enumerate(file.lines, 1)
                if "print" in line
            ]

    def write(self, name, text, when=LONG_AGO):
        (self.root / name).write_text(text)
        os.utime(self.root / name, (when, when))

    def audit(self):
        self.looked.clear()
        return audit(self.root, self.book.rules, cache=self.cache).findings

    @property
    def kept(self):
        return next((self.cache / "audit").glob("*.json"))


@pytest.fixture
def shop(tmp_path):
    made = Shop(tmp_path)
    made.write("a.py", "print(1)\n")
    made.write("b.py", "x = 1\n")
    return made


def test_the_second_audit_looks_at_nothing_and_finds_the_same(shop):
    first = shop.audit()
    assert shop.looked == ["a.py"]
    assert [(one.path, one.line, one.message, one.verdict) for one in first] == [("a.py", 1, "é", "partial")]
    assert shop.audit() == first
    assert shop.looked == []


@pytest.mark.parametrize(
    ("text", "when"), [("print(2)\n", LONG_AGO + 9), ("print(22)\n", LONG_AGO)], ids=["as long", "as old"]
)
def test_a_changed_file_is_looked_at_again(shop, text, when):
    shop.audit()
    shop.write("a.py", text, when)
    shop.audit()
    assert shop.looked == ["a.py"]


def test_a_file_that_was_only_touched_is_known_by_its_content(shop):
    first = shop.audit()
    shop.write("a.py", "print(1)\n", LONG_AGO + 9)
    assert shop.audit() == first
    assert shop.looked == []


def test_a_file_changed_a_moment_ago_is_known_by_its_content_only(shop):
    now = time.time()
    shop.write("a.py", "print(1)\n", now)
    shop.audit()
    shop.write("a.py", "print(2)\n", now)
    shop.audit()
    assert shop.looked == ["a.py"]


def test_a_file_at_another_place_is_another_file(shop):
    shop.audit()
    (shop.root / "a.py").rename(shop.root / "c.py")
    assert [one.path for one in shop.audit()] == ["c.py"]


def test_other_code_of_ours_believes_nothing(shop, monkeypatch):
    shop.audit()
    monkeypatch.setattr(memories.sys, "version", "another interpreter")
    shop.audit()
    assert shop.looked == ["a.py"]


def test_what_was_said_without_a_parser_is_not_kept(shop):
    shop.write("a.py", "print('unsure')\n")
    shop.audit()
    shop.audit()
    assert shop.looked == ["a.py"]


@pytest.mark.parametrize("bad", [b"", b"\n", b"{}", b"\xff\x00", b"0" * 64 + b"\n{}", b"[" * 100_000])
def test_a_file_that_is_not_ours_is_ignored_and_replaced(shop, bad):
    first = shop.audit()
    shop.kept.write_bytes(bad)
    assert shop.audit() == first
    assert shop.looked == ["a.py"]
    shop.audit()
    assert shop.looked == []


def test_one_flipped_byte_is_noticed(shop):
    shop.audit()
    data = bytearray(shop.kept.read_bytes())
    data[len(data) // 2] ^= 1
    shop.kept.write_bytes(data)
    shop.audit()
    assert shop.looked == ["a.py"]


def test_a_cache_that_cannot_be_written_does_no_harm(shop):
    shop.cache.write_text("a file")
    assert shop.audit() == shop.audit()


def test_only_so_many_directories_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(memories, "MOST_KEPT", 2)
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.py").write_text("")
        audit(tmp_path / name, [], cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "audit").iterdir())) == 2


def test_too_much_is_not_kept_at_all(shop, monkeypatch):
    monkeypatch.setattr(memories, "LARGEST", 10)
    shop.audit()
    assert not (shop.cache / "audit").exists()


def test_extractions_are_kept_as_well(shop, monkeypatch):
    asked = []
    extraction = Extraction(
        function=lambda file: asked.append(file.path) or [file.size],
        languages=("python",),
        needles=(),
        kinds={"production"},
    )
    monkeypatch.setitem(EXTRACTIONS, extraction.id, extraction)
    for _ in range(2):
        code, _notes = read(shop.root)
        memory = FileMemory.of(shop.root, shop.cache, [])
        for file in code.files.values():
            said = memory.recall(file)
            if said is None:
                said = Said(extracts={extraction.id: extraction(file)})
                memory.remember(file, said)
            code.keep(file, said.extracts)
        memory.save()
        assert [(file.path, said) for file, said in code.extracted(extraction)] == [("a.py", [9]), ("b.py", [6])]
    assert asked == ["a.py", "b.py"]
