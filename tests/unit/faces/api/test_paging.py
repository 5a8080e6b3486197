import pytest

from twelve.faces.api.paging import Range, page, parse

HEADERS = [  # what the clients in the field send
    ("version ..; max=15, order=desc", Range("version", max=15, descending=True)),
    ("version ..; order=desc,max=1", Range("version", max=1, descending=True)),
    ("id ..; max=1000;", Range("id", max=1000)),
    ("seq ..; order=desc,max=1000", Range("seq", max=1000, descending=True)),
    ("id ..; ;", Range("id")),
    ("domain ..; ;", Range("domain")),
    ("id ]abc..; max=10", Range("id", first="abc", after=True, max=10)),
    ("hostname a.example.com..b.example.com", Range("hostname", first="a.example.com", last="b.example.com")),
    ("id ..; max=100000", Range("id", max=1000)),
    ("", None),
    (None, None),
    ("bytes=0-99", None),
    ("nonsense", None),
]


@pytest.mark.parametrize(("header", "wanted"), HEADERS)
def test_range_headers(header, wanted):
    assert parse(header) == wanted


def versions(*numbers):
    return [{"id": f"id-{number:03}", "version": number, "gone": None} for number in numbers]


def test_without_a_range_the_order_is_kept():
    items = versions(3, 1, 2)
    found = page(items, None)
    assert found.items == items
    assert found.status == 200
    assert "Next-Range" not in found.headers


def test_pages_follow_each_other_without_gap_or_repetition():
    items, header, seen = versions(*range(1, 28)), "version ..; max=10, order=desc", []
    while header:
        found = page(items, header)
        seen += [item["version"] for item in found.items]
        header = found.headers.get("Next-Range")
        assert found.status == (206 if header else 200)
    assert seen == list(range(27, 0, -1))


def test_a_page_says_where_the_next_one_begins():
    found = page(versions(*range(1, 6)), "version ..; max=2")
    assert found.headers["Next-Range"] == "version ]2..; max=2"
    assert found.headers["Content-Range"] == "version 1..2"


def test_numbers_are_compared_as_numbers():
    found = page(versions(2, 9, 10, 11), "version 9..10")
    assert [item["version"] for item in found.items] == [9, 10]


@pytest.mark.parametrize("field", ["unknown", "gone"])
def test_an_unknown_field_means_the_id(field):
    found = page(versions(2, 1), f"{field} ..; max=1")
    assert [item["id"] for item in found.items] == ["id-001"]


def test_a_long_list_comes_in_pages_even_unasked():
    found = page(versions(*range(300)), None, default="version")
    assert (len(found.items), found.status) == (200, 206)
    assert found.headers["Next-Range"] == "version ]199..; max=200"


def test_an_empty_list_is_one_empty_page():
    found = page([], "version ..; max=1")
    assert (list(found.items), found.status) == ([], 200)
