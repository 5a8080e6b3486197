"""Session ids: nobody can make one up, and a new key replaces an old one without ending sessions."""

import pytest
from twelve_runtime.sessions.session import Session, SessionTooLarge, dumps, pack, unpack
from twelve_runtime.sessions.signing import Signer, stored_name

OLD, NEW = "old secret of the app", "new secret of the app"


def test_an_id_is_valid_only_as_it_was_given_out():
    signer = Signer([OLD])
    session_id = signer.new()
    assert signer.valid(session_id)
    assert session_id != signer.new()
    for at in (0, 42, 43, 84):
        swapped = session_id[:at] + ("A" if session_id[at] != "A" else "B") + session_id[at + 1 :]
        assert not signer.valid(swapped)


@pytest.mark.parametrize(
    "junk", [None, "", "a" * 86, "a" * 85, "ü" * 86, "../../etc/passwd", "x" * 100_000, "a" * 85 + "\n"]
)
def test_junk_is_no_id(junk):
    assert not Signer([OLD]).valid(junk)


def test_a_new_key_goes_in_front_and_the_old_one_still_verifies():
    session_id = Signer([OLD]).new()
    assert Signer([NEW, OLD]).valid(session_id)
    assert not Signer([NEW]).valid(session_id)
    assert not Signer([OLD]).valid(Signer([NEW, OLD]).new())


@pytest.mark.parametrize("keys", [[], ["short"], [OLD, ""]])
def test_a_secret_that_is_none_is_refused(keys):
    with pytest.raises(ValueError, match="16 bytes"):
        Signer(keys)


def test_the_store_does_not_see_the_id():
    session_id = Signer([OLD]).new()
    assert session_id[:43] not in stored_name(session_id)


@pytest.mark.parametrize("values", [{"a": object()}, {1: "a"}, {"a": {1, 2}}, {"a": float("nan")}, {"a": b"x"}])
def test_a_session_holds_json_only(values):
    with pytest.raises(TypeError, match="session"):
        dumps(values)


def test_what_is_packed_comes_back():
    found = unpack(pack({"a": ["ü", None]}, 12.5, 13.25, 100), "id")
    assert (found, found.id, found.created, found.saved) == ({"a": ["ü", None]}, "id", 12.5, 13.25)


@pytest.mark.parametrize("junk", [b"", b"1 2\n[]", b"1\n{}", b"x y\n{}", b"1 2\n{", b"\x80\x04K\x01."])
def test_what_is_none_of_ours_is_no_session(junk):
    assert unpack(junk, "id") is None


def test_a_session_that_is_too_large_is_refused_with_its_size():
    with pytest.raises(SessionTooLarge, match="at most 50"):
        pack({"a": "x" * 50}, 0, 0, 50)


def test_a_change_deep_inside_is_seen():
    session = Session({"cart": {"items": []}})
    assert not session.changed()
    session["cart"]["items"].append(1)
    assert session.changed()
