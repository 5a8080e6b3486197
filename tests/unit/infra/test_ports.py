import json
import socket

import pytest

from twelve.core.errors import CorruptState
from twelve.infra import ports
from twelve.infra.ports import Ports


@pytest.fixture
def record(tmp_path):
    return tmp_path / "ports.json"


def test_a_port_is_chosen_once_and_remembered(record):
    port = Ports(record).current("postgres")
    assert Ports(record).current("postgres") == Ports(record).free("postgres") == port
    assert Ports(record).current("redis") != port
    assert record.stat().st_mode & 0o777 == 0o600
    assert json.loads(record.read_text())["postgres"] == port


def test_a_port_that_is_taken_is_replaced_only_for_a_start(record):
    mine = Ports(record)
    port = mine.current("postgres")
    with socket.create_server(("127.0.0.1", port)):
        assert mine.current("postgres") == port
        other = mine.free("postgres")
    assert other != port
    assert mine.current("postgres") == other


def test_a_forgotten_port_may_be_chosen_again(record):
    mine = Ports(record)
    mine.current("redis")
    mine.forget("redis")
    mine.forget("unknown")
    assert json.loads(record.read_text()) == {}


@pytest.mark.parametrize(
    ("ephemeral", "expected"),
    [
        ("32768\t60999\n", range(10_000, 32768)),
        ("10000 20000", range(20001, 65_000)),
        ("1024 65535", range(10_000, 65_000)),  # nothing left outside: anywhere
        ("nonsense", range(10_000, 32768)),
    ],
)
def test_ports_of_outgoing_connections_are_left_alone(tmp_path, monkeypatch, ephemeral, expected):
    file = tmp_path / "range"
    file.write_text(ephemeral)
    monkeypatch.setattr(ports, "EPHEMERAL", file)
    assert ports.candidates() == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"a": "x"}', '{"a": null}'])
def test_a_damaged_record_is_one_sentence(record, text):
    record.write_text(text)
    with pytest.raises(CorruptState, match=r"ports\.json is damaged"):
        Ports(record).current("postgres")
