import pytest

from twelve.core.errors import UsageError
from twelve.faces.api import bodies, references


@pytest.mark.parametrize("data", [b"", b" \n", b"{}"])
def test_an_absent_body_is_an_empty_object(data):
    assert bodies.parse(data) == {}


@pytest.mark.parametrize("data", [b"{", b"[1]", b'"x"', b"null", b"\xff\xfe", b"[" * 100_000])
def test_anything_but_an_object_is_refused(data):
    with pytest.raises(UsageError, match="body"):
        bodies.parse(data)


@pytest.mark.parametrize("value", ["notes", {"id": "notes"}, {"name": "notes"}, {"name": "notes", "other": 1}])
def test_references_come_in_many_forms(value):
    assert references.reference({"app": value}, "app") == "notes"


@pytest.mark.parametrize("value", [7, [], {}, {"id": 7}, True])
def test_what_names_nothing_is_refused(value):
    with pytest.raises(UsageError, match='"app"'):
        references.optional_reference({"app": value}, "app")


@pytest.mark.parametrize("body", [{}, {"app": None}, {"app": ""}])
def test_a_missing_reference_is_told(body):
    assert references.optional_reference(body, "app") is None
    with pytest.raises(UsageError, match='"app" is missing'):
        references.reference(body, "app")


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (1, True),
        ("1", True),
        ("true", True),
        (False, False),
        (0, False),
        ("0", False),
        (None, False),
        ([], False),
    ],
)
def test_flags(value, flag):
    assert bodies.flag({"maintenance": value}, "maintenance") is flag


def test_config_values_become_text():
    given = {"A": "a", "B": 1, "C": True, "D": None, "E": 1.5, "F": ""}
    assert bodies.variables(given) == {"A": "a", "B": "1", "C": "true", "D": None, "E": "1.5", "F": ""}


@pytest.mark.parametrize("value", [{}, [], {"a": 1}])
def test_nested_config_values_are_refused_by_their_key(value):
    with pytest.raises(UsageError, match='"SECRET"'):
        bodies.variables({"SECRET": value})


@pytest.mark.parametrize(("value", "number"), [(None, 100), (5, 5), ("5", 5), (0, 0)])
def test_numbers(value, number):
    assert bodies.number({"lines": value}, "lines", 100) == number


@pytest.mark.parametrize("value", [True, -1, "x", 1.5, []])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(UsageError, match='"lines"'):
        bodies.number({"lines": value}, "lines", 100)


def test_made_ids_are_stable_and_apart():
    assert references.made_id("plan", "x") == references.made_id("plan", "x")
    assert references.made_id("a", "bc") != references.made_id("ab", "c")
