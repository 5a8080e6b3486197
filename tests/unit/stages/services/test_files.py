from twelve.stages.services.files import Roster, write_private


def test_a_private_file_is_replaced_as_a_whole(tmp_path):
    file = tmp_path / "sub" / "secrets.conf"
    write_private(file, "one")
    write_private(file, "two")
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [found.name for found in file.parent.iterdir()] == ["secrets.conf"]


def test_a_roster_remembers_over_restarts(tmp_path):
    file = tmp_path / "users.json"
    assert Roster(file).all() == []
    assert Roster(file).add([{"user": "a", "password": "1"}, {"user": "b", "password": "2"}])
    assert not Roster(file).add([{"user": "a", "password": "1"}])
    assert not Roster(file).add([])
    assert Roster(file).add([{"user": "a", "password": "3"}])
    Roster(file).remove("b")
    Roster(file).remove("unknown")
    assert Roster(file).all() == [{"user": "a", "password": "3"}]


def test_a_damaged_roster_is_an_empty_one(tmp_path):
    file = tmp_path / "users.json"
    file.write_text("{")
    assert Roster(file).all() == []
