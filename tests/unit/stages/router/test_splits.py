"""What HAProxy is told of a rollout, in which order, and that the next server reads all of it back."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from twelve.core.model.rollout import Rollout, RolloutStatus, Unit, Variant
from twelve.core.policy.assign import ramp
from twelve.core.ports import Backend
from twelve.stages.router.commands import MAPS, Changer, map_contents, understand
from twelve.stages.router.config import FrontDoor, render
from twelve.stages.router.routes import Route, Server
from twelve.stages.router.splits import Split

ONE, TWO = UUID(int=1), UUID(int=2)
PLAIN = Route("notes", "p0001", ("notes.localhost",), "serving", (Server(ONE, "web.1", 5001),))
FREE = ["v000", "v001", "v002"]


def rollout(phase=1, status=RolloutStatus.RUNNING, shadow=None, **weights):
    variants = ramp((Variant("a", 12), *(Variant(name, 13) for name in weights)), weights)
    return Rollout(
        ONE, TWO, "notes", 3, Unit("header:x-user-id"), variants, 7, phase, status, datetime.now(UTC), shadow=shadow
    )  # fmt: skip


def split(route, wanted):
    return route.with_split(Split.of(wanted, route.split, FREE))


BEGUN = split(PLAIN, rollout(b=1000)).switched([Backend(TWO, "web.10001", 5002)], [], ())


def test_a_start_names_the_phase_last():
    assert Changer(PLAIN, BEGUN).commands() == [
        "add map arms.map v000 p0001|1|b|13|1|7|notes.3|1|header:x-user-id|0|12",
        "add map modes.map v000 serving",
        "add server v000/waiting unix@/proc/self/cwd/waiting.sock send-proxy-v2 backup",
        "set server v000/waiting state ready",
        f"add map ids.map v000/web.10001 {TWO}",
        "add server v000/web.10001 127.0.0.1:5002",
        "set server v000/web.10001 state ready",
        "add map alloc.map 70010000:70010999 b:13:V000",
        "add map slots.map v12--notes.localhost p0001",
        "add map slots.map v13--notes.localhost v000",
        "add map hosts.map v12--notes.localhost p0001",
        "add map hosts.map v13--notes.localhost v000",
        "add map hosts.map V000 v000",
        "add map splits.map notes.localhost 7|notes.3|1|header:x-user-id|0|12|",
    ]


def test_a_ramp_writes_its_ranges_before_its_phase_and_takes_the_old_ones_away_afterwards():
    commands = Changer(BEGUN, split(BEGUN, rollout(phase=2, b=3000))).commands()
    assert commands == [
        "set map arms.map v000 p0001|1|b|13|1|7|notes.3|2|header:x-user-id|0|12",
        "add map alloc.map 70020000:70022999 b:13:V000",
        "set map splits.map notes.localhost 7|notes.3|2|header:x-user-id|0|12|",
        "del map alloc.map 70010000:70010999",
    ]


def test_an_end_deals_out_nothing_and_keeps_what_drains():
    over = split(BEGUN, rollout(status=RolloutStatus.ABORTED, b=1000))
    assert Changer(BEGUN, over).commands() == [
        "set map arms.map v000 p0001|1|b|13|0|7|notes.3|1|header:x-user-id|0|12",
        "del map splits.map notes.localhost",
        "del map alloc.map 70010000:70010999",
    ]
    gone = over.without(TWO).with_split(None)
    assert gone == PLAIN
    assert Changer(over, gone).leaving == ["v000/web.10001"]


def test_maintenance_deals_out_nothing_either():
    assert BEGUN.with_mode("maintenance").splits == {}
    assert BEGUN.with_mode("maintenance").without(ONE).splits == {}
    assert BEGUN.without(ONE).splits == BEGUN.splits, "while the control is held its treatments go on"


def test_a_process_goes_where_its_number_says():
    three = split(PLAIN, rollout(shadow=14, b=1000, c=500))
    ready = [Backend(UUID(int=n), f"web.{n}", 5000 + n) for n in (2, 10_001, 10_002, 20_001, 100_001, 30_001)]
    placed = [(slot, server.label) for slot, server in three.switched(ready, [], ()).placed]
    assert placed == [
        ("p0001", "web.1"), ("p0001", "web.2"), ("v000", "web.10001"), ("v000", "web.10002"), ("v001", "web.20001"),
        ("v002", "web.100001"),
    ]  # fmt: skip


def answers(route):
    """What a HAProxy that was given these files says to READ_COMMANDS."""
    maps = map_contents([route])
    servers = "\n".join(
        f"2 {slot} {number} {one.label} 127.0.0.1 {0 if one.ready else 8} {one.port}"
        for number, (slot, one) in enumerate(route.placed)
    )
    header = "1\n# be_id be_name srv_id srv_name srv_addr srv_admin_state srv_port\n"
    return ["\n".join(f"0x1 {key} {value}" for key, value in maps[name].items()) for name in MAPS] + [header + servers]


@settings(deadline=None)  # on a busy machine
@given(st.integers(1, 4000), st.integers(1, 3000), st.integers(1, 999), st.booleans(), st.booleans())
def test_all_of_it_is_read_back(b, c, phase, shadowed, ready):
    wanted = rollout(phase, shadow=14 if shadowed else None, b=b, c=c)
    route = split(PLAIN, wanted).switched([Backend(TWO, "web.10001", 5002)], [] if ready else [TWO], ())
    assert understand(answers(route)).routes == {"notes": route}


def test_files_of_a_fresh_start_hold_the_same():
    door = FrontDoor(binds=("127.0.0.1:8012",), port=8012, threads=2, max_connections=100, slots=4, arms=4)
    files = render(door, [BEGUN])
    assert files["alloc.map"] == "70010000:70010999 b:13:V000\n"
    assert "backend v000 from arms\n  server web.10001 127.0.0.1:5002\n  server waiting " in files["haproxy.cfg"]


def test_an_arm_keeps_its_slot_over_phases():
    later = BEGUN.with_split(Split.of(rollout(phase=2, b=1000, c=1000), BEGUN.split, FREE[1:]))
    assert [(arm.place, arm.slot) for arm in later.arms] == [(1, "v000"), (2, "v001")]
    assert later.arms[0].servers == BEGUN.arms[0].servers
    assert replace(later.arms[0], ranges=()) == replace(BEGUN.arms[0], ranges=())
