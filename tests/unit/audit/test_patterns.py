"""No pattern's time grows with the square of what it reads: one long line of a stranger must not hold the audit up.

Every pattern that the audit compiles is taken apart; each part that may repeat is repeated, behind what leads to it.
"""

import random
import re
import re._constants as kinds
import re._parser as parser
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages

import twelve.audit
from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.rules import all_rules

LENGTH = 4000
SUSPECT = 0.004  # seconds: a pattern that reads each character a few times needs a tenth of that
SQUARE = 8  # times as long for four times as much
CLOSELY = 3 * LENGTH
MANY = 60
PLACES = {kinds.SUBPATTERN: 3, kinds.ASSERT: 1, kinds.ASSERT_NOT: 1}  # where a group has what is in it
BLANKS = (" ", "\n", "\t", "a", "a_", "1", '"', "(", "a.")
# Asked of names of at most 80 characters, or of nothing but the start of a text.
ASKED_OF_LITTLE = {"_VARIABLE", "_PART", "_BAKED", "_BUILT", "_globs", "_ENTRY"}


def test_no_pattern_takes_the_square_of_its_time(monkeypatch):
    slow = [
        f"{where}: {pattern.pattern!r:.200} on {before!r} and many {again!r:.60}"
        for (pattern, where) in patterns(monkeypatch)
        for before, again in set(pumps(pattern))
        if is_slow(pattern, before, again)
    ]
    assert "\n".join(slow) == ""


def patterns(monkeypatch) -> Iterator[tuple[re.Pattern, str]]:
    """Those at the top of modules, and those that a walk through all examples compiles."""
    found: dict[re.Pattern, str] = {}
    for one in walk_packages(twelve.audit.__path__, "twelve.audit."):
        for name, value in vars(import_module(one.name)).items():
            for pattern in held(value):
                found.setdefault(pattern, f"{one.name}.{name}")
    compiling = re._compile

    def noted(pattern, flags):
        made = compiling(pattern, flags)
        where = sys._getframe(2)
        if where.f_globals.get("__name__", "").startswith("twelve.audit") and where.f_code.co_name != "_any_of":
            found.setdefault(made, f"{where.f_globals['__name__']}:{where.f_lineno}")
        return made

    monkeypatch.setattr(re, "_compile", noted)
    for rule in all_rules():
        for example in (rule.bad, rule.good):
            findings(Codebase.of(example), [rule])
    monkeypatch.undo()
    little = {pattern for pattern, where in found.items() if where.rpartition(".")[2] in ASKED_OF_LITTLE}
    return ((pattern, where) for pattern, where in found.items() if pattern not in little)


def held(value) -> Iterator[re.Pattern]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        yield from (pattern for one in value.values() for pattern in held(one))
    elif isinstance(value, list | tuple | set):
        yield from (pattern for one in value for pattern in held(one))


def is_slow(pattern, before, again) -> bool:
    if seconds(pattern, written(pattern, before, again, LENGTH)) < SUSPECT:
        return False
    whole, quarter = (written(pattern, before, again, length) for length in (CLOSELY, CLOSELY // 4))
    took = min(seconds(pattern, whole) for _ in range(3))
    return took > 4 * SUSPECT and took > SQUARE * min(seconds(pattern, quarter) for _ in range(3))


def written(pattern, before, again, length):
    text = before + again * (length // len(again)) + "\0"
    return text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text


def seconds(pattern, text) -> float:
    began = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - began


def pumps(pattern) -> Iterator[tuple[str, str]]:
    """(what leads there, what is repeated)."""
    text, chosen = pattern.pattern, random.Random(1)
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    tree = list(parser.parse(text, pattern.flags & ~(re.UNICODE | re.DEBUG)))
    for before, again in repeats(tree, [], chosen):
        yield before, again
        yield "", before + again
        yield "", before or "a"
    yield "", text_of(tree, chosen) or "a"
    yield from (("", blank) for blank in BLANKS)


def repeats(tree, before, chosen) -> Iterator[tuple[str, str]]:
    for place, (kind, told) in enumerate(tree):
        leading = [*before, *tree[:place]]
        if kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}:
            if told[1] > MANY:
                yield text_of(leading, chosen), text_of(told[2], chosen) or "a"
            yield from repeats(list(told[2]), leading, chosen)
        elif kind is kinds.BRANCH:
            for one in told[1]:
                yield from repeats(list(one), leading, chosen)
        elif kind in {kinds.SUBPATTERN, kinds.ATOMIC_GROUP, kinds.ASSERT, kinds.ASSERT_NOT}:
            yield from repeats(list(inner(kind, told)), leading, chosen)


def inner(kind, told):
    return told[PLACES[kind]] if kind in PLACES else told


def text_of(tree, chosen) -> str:
    """Something that it matches, more or less."""
    return "".join(one_of(kind, told, chosen) for kind, told in tree)


def one_of(kind, told, chosen) -> str:
    if kind is kinds.LITERAL:
        return chr(told)
    if kind in {kinds.NOT_LITERAL, kinds.ANY}:
        return next(one for one in 'a"' if kind is kinds.ANY or ord(one) != told)
    if kind is kinds.IN:
        return chosen.choice(members(told))
    if kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}:
        return text_of(told[2], chosen) * min(told[0] or chosen.randint(0, 1), MANY)
    if kind is kinds.BRANCH:
        return text_of(chosen.choice(told[1]), chosen)
    return text_of(inner(kind, told), chosen) if kind in {kinds.SUBPATTERN, kinds.ATOMIC_GROUP} else ""


CATEGORIES = {kinds.CATEGORY_DIGIT: "1", kinds.CATEGORY_SPACE: " ", kinds.CATEGORY_NOT_WORD: "-"}


def members(told) -> list[str]:
    literals = [chr(one) for kind, one in told if kind is kinds.LITERAL]
    literals += [chr(one[0]) for kind, one in told if kind is kinds.RANGE]
    literals += [CATEGORIES.get(one, "a") for kind, one in told if kind is kinds.CATEGORY]
    if told[0][0] is kinds.NEGATE:
        return [one for one in "a 1(" if one not in literals] or ["~"]
    return literals
