from uuid import UUID

import pytest

from twelve.core.ports import Backend
from twelve.stages.router.admin import refusal
from twelve.stages.router.commands import Changer, connections, understand
from twelve.stages.router.config import FrontDoor, render
from twelve.stages.router.routes import Route, Server

OLD, NEW = UUID(int=1), UUID(int=2)
ROUTE = Route("notes", "p0001", ("notes.localhost",), "serving", (Server(OLD, "web.1", 5001),))
DOOR = FrontDoor(binds=("127.0.0.1:8012",), port=8012, threads=2, max_connections=100, slots=4)


@pytest.mark.parametrize(
    ("mode", "ready", "answer"),
    [
        ("serving", True, "serving"),
        ("serving", False, "hold"),  # the last process is gone, and nobody has said yet what that means
        ("hold", True, "serving"),
        ("hold", False, "hold"),
        ("crashed", False, "crashed"),
        ("none", False, "none"),
        ("blank", False, "blank"),
        ("maintenance", True, "maintenance"),
        ("maintenance", False, "maintenance"),
    ],
)
def test_what_a_request_meets(mode, ready, answer):
    assert Route("notes", "p0001", mode=mode, servers=(Server(OLD, "web.1", 1, ready),)).answer == answer


def test_a_switch_lets_the_new_one_in_before_the_old_one_goes():
    new = ROUTE.switched([Backend(NEW, "web.1", 5002)], [OLD], taken=())
    assert Changer(ROUTE, new).commands() == [
        f"add map ids.map p0001/web.1: {NEW}",
        "add server p0001/web.1: 127.0.0.1:5002",
        "set server p0001/web.1: state ready",
        "set server p0001/web.1 state drain",
    ]


def test_the_last_process_gone_moves_the_hosts_first():
    change = Changer(ROUTE, ROUTE.without(OLD))
    assert change.commands() == [
        "set map modes.map p0001 hold",
        "set map hosts.map notes.localhost waiting",
        "del map ids.map p0001/web.1",
        "set server p0001/web.1 state maint",
    ]
    assert change.leaving == ["p0001/web.1"]


def test_maintenance_touches_no_process():
    assert Changer(ROUTE, ROUTE.with_mode("maintenance")).commands() == [
        "set map modes.map p0001 maintenance",
        "set map hosts.map notes.localhost waiting",
    ]


def test_nothing_to_say_when_nothing_differs():
    assert Changer(ROUTE, ROUTE).commands() == []
    assert Changer(None, None).commands() == []


def test_a_process_that_came_back_on_another_port_gets_a_new_server():
    again = ROUTE.switched([Backend(OLD, "web.1", 5009)], [], taken=())
    assert again.servers == (Server(OLD, "web.1:", 5009),)
    assert Changer(ROUTE, again).leaving == ["p0001/web.1"]


def test_a_drained_process_can_be_made_ready_again():
    drained = ROUTE.switched([], [OLD], taken=())
    assert not drained.servers[0].ready
    assert drained.switched([Backend(OLD, "web.1", 5001)], [], taken=()) == ROUTE


def test_labels_still_in_use_are_not_given_away():
    route = Route("notes", "p0001").switched([Backend(NEW, "web.1", 5002)], [], taken={"web.1", "web.1:"})
    assert route.servers[0].label == "web.1::"


def test_a_forgotten_app_leaves_nothing_behind():
    change = Changer(ROUTE, None)
    assert change.commands() == [
        "del map hosts.map notes.localhost",
        "del map slots.map notes.localhost",
        "del map ids.map p0001/web.1",
        "set server p0001/web.1 state maint",
        "del map modes.map p0001",
        "del map apps.map p0001",
    ]


def test_hosts_are_compared_in_lower_case_and_once():
    assert ROUTE.with_hosts(["A.example", "a.EXAMPLE", "b.example"]).hosts == ("a.example", "b.example")


def test_routes_are_read_back_from_a_running_haproxy():
    header = "1\n# be_id be_name srv_id srv_name srv_addr srv_admin_state srv_port\n"
    answers = [
        "0x1 notes.localhost p0001",
        "0x1 notes.localhost p0001",
        "0x1 p0001 serving",
        "0x1 p0001 notes",
        f"0x1 p0001/web.1 {OLD}\n0x2 p0001/web.1: {NEW}",
        *[""] * 3,
        (
            f"{header}2 p0001 1 web.1 127.0.0.1 0 5001\n2 p0001 2 web.1: 127.0.0.1 8 5002\n"
            "2 p0001 3 web.2 127.0.0.1 1 5003\n2 p0001 4 waiting - 0 0\n1 waiting 1 waiting - 0 0"
        ),
    ]
    found = understand(answers)
    servers = (Server(OLD, "web.1", 5001), Server(NEW, "web.1:", 5002, ready=False))
    assert found.routes == {"notes": Route("notes", "p0001", ("notes.localhost",), "serving", servers)}
    assert found.leaving == {"p0001/web.2"}


def test_connections_in_use():
    answer = (
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max\np0001/web.1 2/1 127.0.0.1 5001 - 5000 3 9"
    )
    assert connections(answer) == {"p0001/web.1": 3}


@pytest.mark.parametrize(
    ("command", "answer", "refused"),
    [
        ("set server p0/web.1 state ready", "", False),
        ("set server p0/web.1 state ready", "No such server.", True),
        ("add server p0/web.1 127.0.0.1:1", "New server registered.", False),
        ("add server p0/web.1 127.0.0.1:1", "Already exists a server with the same name in backend.", True),
        ("add server p0/waiting unix@x backup", "Already exists a server with the same name in backend.", False),
        ("del map hosts.map x", "Key not found.", True),
    ],
)
def test_refusals(command, answer, refused):
    assert bool(refusal(command, answer)) == refused


def test_a_start_begins_with_todays_routes():
    files = render(DOOR, [ROUTE, Route("shop", "p0002", ("shop.localhost",), "crashed")])
    assert files["hosts.map"] == "notes.localhost p0001\nshop.localhost waiting\nNEWCOMER newcomers\n"
    assert files["modes.map"] == "p0001 serving\np0002 crashed\n"
    assert files["ids.map"] == f"p0001/web.1 {OLD}\n"
    assert "backend p0001 from slots\n  server web.1 127.0.0.1:5001\n" in files["haproxy.cfg"]
    assert files["haproxy.cfg"].endswith("\n")
