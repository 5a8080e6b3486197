"""What a process may rely on, whatever isolates it: the same for bubblewrap, Landlock and plain processes."""

import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.processes import World, make_slug, make_spec, until
from twelve.core.errors import PlatformError
from twelve.core.model import HealthCheck
from twelve.stages.run.local import tree
from twelve.stages.run.local.batch import TURN

pytestmark = pytest.mark.integration

STUBBORN = "python3 -c 'import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)'"
WEB = "python3 -m http.server $PORT"
ALIVE = (HealthCheck(uptime=0.1),)


@pytest.fixture(params=["bwrap", "landlock", "none"])
def world(request, tmp_path_factory):
    try:
        made = World(tmp_path_factory.mktemp("home"), request.param)
    except PlatformError as error:
        pytest.skip(str(error))
    yield made
    made.close()


@pytest.fixture
def slug(tmp_path):
    return make_slug(tmp_path / "slug", {"shipped.txt": "shipped\n"})


def start_up(world, spec):
    world.engine.start([spec])
    (result,) = world.engine.wait_up([spec.id])
    assert result.kind == "up", result
    return result.process


def test_exit_statuses(world, slug):
    assert world.run(make_spec(slug, "exit 0"))[0] == 0
    assert world.run(make_spec(slug, "exit 3"))[0] == 3
    assert world.run(make_spec(slug, "kill -9 $$"))[0] == 128 + signal.SIGKILL
    assert world.run(make_spec(slug, "no-such-program"))[0] == 127


def test_the_command_is_one_shell_line(world, slug):
    status, lines = world.run(make_spec(slug, """python3 -c "print((1))"; echo 'a  b' | tr a c"""))
    assert (status, lines) == (0, ["1", "c  b"])


def test_the_environment_is_exactly_what_is_given(world, slug, monkeypatch):
    monkeypatch.setenv("OF_THE_HOST", "leaked")
    spec = make_spec(slug, "env -0 | tr '\\0' '\\n'", env={"GREETING": "hallo $HOME `id`", "EMPTY": ""})
    _, lines = world.run(spec)
    env = dict(line.split("=", 1) for line in lines)
    assert env.pop("GREETING") == "hallo $HOME `id`"
    assert env.pop("DYNO") == "run.1"
    assert env.pop("HEROKU_DYNO_ID") == str(spec.id)
    assert 20000 <= int(env.pop("PORT")) <= 29999
    assert env.pop("HOME") == env.pop("PWD")
    assert env.keys() - {"TMPDIR"} == {"EMPTY", "PATH", "SHLVL", "_"}  # the last two are the shell's own


def test_config_shows_in_no_process_list(world, slug):
    spec = make_spec(slug, "sleep 60", env={"PASSWORD": "correct-horse-battery"})
    start_up(world, spec)
    until(lambda: any(b"sleep" in line for line in command_lines()))
    assert not [line for line in command_lines() if b"correct-horse-battery" in line]


def test_what_is_written_to_the_app_vanishes(world, slug, tmp_path):
    _, lines = world.run(make_spec(slug, "echo more >> shipped.txt && touch new && cat shipped.txt && ls"))
    assert lines == ["shipped", "more", "new", "shipped.txt"]
    assert [path.name for path in (tmp_path / "slug").iterdir()] == ["shipped.txt"]
    assert world.run(make_spec(slug, "cat shipped.txt; ls", number=2))[1] == ["shipped", "shipped.txt"]


def test_nothing_outside_can_be_written(world, slug, tmp_path):
    if world.engine.isolation == "none":
        pytest.skip("plain processes are not confined, and the engine says so")
    outside = tmp_path / "outside"
    status, _ = world.run(make_spec(slug, f"echo x > {outside} || echo x > /usr/written-by-a-test"))
    assert status != 0
    assert not outside.exists()
    assert not Path("/usr/written-by-a-test").exists()


def test_temporary_files_are_private_and_gone(world, slug):
    status, lines = world.run(make_spec(slug, 'echo x > "${TMPDIR:-/tmp}/mine" && ls "${TMPDIR:-/tmp}"'))
    assert (status, lines) == (0, ["mine"])
    assert world.run(make_spec(slug, 'ls "${TMPDIR:-/tmp}"', number=2))[1] == []


def test_layers_are_stacked_and_their_paths_work(world, tmp_path):
    app = make_slug(tmp_path / "app", {"run.sh": "tool\n"})
    tools = make_slug(tmp_path / "tools", {".venv/bin/tool": "#!/bin/sh\necho from the layer\n"})
    (tmp_path / "tools/.venv/bin/tool").chmod(0o755)
    layers = (replace(tools.layers[0], kind="dependencies"), *app.layers)
    spec = make_spec(replace(app, layers=layers), "sh run.sh", env={"PATH": "/app/.venv/bin:/usr/bin:/bin"})
    assert world.run(spec) == (0, ["from the layer"])


def test_profiles_are_sourced_after_the_config(world, tmp_path):
    files = {
        ".profile.d/b.sh": "export WHO=$WHO-b",
        ".profile.d/a.sh": "export WHO=$WHO-a",
        ".profile": "WHO=$WHO-last",
    }
    spec = make_spec(make_slug(tmp_path / "profiled", files), "sh -c 'echo $WHO'", env={"WHO": "config"})
    assert world.run(spec) == (0, ["config-a-b-last"])


def test_the_log_lines_of_a_life(world, slug):
    spec = make_spec(slug, "sleep 60; true $PORT", kept=True)
    port = start_up(world, spec).port
    world.engine.stop([spec.id])
    assert world.sink.of("worker.1") == [
        f"Starting process with command `sleep 60; true {port}`",
        "State changed from starting to up",
        "State changed from up to down",
        "Stopping all processes with SIGTERM",
        "Process exited with status 143",
    ]
    assert [event.kind for event in world.events] == ["starting", "up", "gone"]
    assert world.engine.processes() == []
    assert world.records.list() == []


def test_a_handler_of_sigterm_completes(world, slug):
    code = "import signal, sys, time; signal.signal(15, lambda *a: (time.sleep(0.3), print('tidy'), sys.exit(0))); print('on'); time.sleep(60)"
    spec = make_spec(slug, f'python3 -u -c "{code}"', kept=True)
    start_up(world, spec)
    until(lambda: world.pump.lines("worker.1"))
    world.engine.stop([spec.id])
    assert world.pump.lines("worker.1") == ["on", "tidy"]
    assert world.sink.of("worker.1")[-1] == "Process exited with status 0"


def test_the_grace_then_sigkill(world, slug):
    spec = make_spec(slug, STUBBORN, kept=True, stop_timeout=0.3)
    start_up(world, spec)
    until(lambda: world.pump.lines("worker.1"))
    began = time.monotonic()
    world.engine.stop([spec.id], quiet=True)
    assert 0.3 <= time.monotonic() - began < 3
    assert world.sink.of("worker.1")[2:] == [
        "Stopping all processes with SIGTERM",
        "Error R12 (Exit timeout) -> At least one process failed to exit within 0.3 seconds of SIGTERM",
        "Stopping remaining processes with SIGKILL",
        "Process exited with status 137",
    ]


def test_grandchildren_get_sigterm_too(world, slug):
    child = """sh -c 'trap "echo told; exit" TERM; echo on; while :; do sleep 0.02; done'"""
    spec = make_spec(slug, f"setsid {child} & {child}; echo never", kept=True)
    start_up(world, spec)
    until(lambda: world.pump.lines("worker.1").count("on") == 2)
    world.engine.stop([spec.id])
    assert world.pump.lines("worker.1").count("told") == 2


def test_what_a_process_leaves_behind_ends_with_it(world, slug):
    spec = make_spec(slug, "setsid sleep 61 & sleep 0.1; exit 4")
    assert world.run(spec)[0] == 4
    assert spec.id not in tree.carriers()


def test_a_port_is_given_and_must_be_accepted_on(world, slug):
    spec = make_spec(slug, WEB, kept=True, type="web", routed=True)
    process = start_up(world, spec)
    with socket.create_connection(("127.0.0.1", process.port), timeout=5):
        pass
    assert world.sink.of("web.1")[-1] == "State changed from starting to up"


def test_listening_is_not_accepting(world, slug):
    code = "import os, socket, time; s = socket.socket(); s.bind(('127.0.0.1', int(os.environ['PORT']))); s.listen(); time.sleep(1); s.accept(); time.sleep(60)"
    spec = make_spec(slug, f'python3 -c "{code}"', kept=True, type="web", routed=True)
    began = time.monotonic()
    start_up(world, spec)
    assert time.monotonic() - began > 1
    assert "Process listens on 127.0.0.1 only; bind 0.0.0.0 to run on Kubernetes" in world.sink.of("web.1")


def test_the_wrong_port_is_named(world, slug):
    spec = make_spec(slug, "python3 -m http.server 11573", kept=True, type="web", routed=True, boot_timeout=1)
    world.engine.start([spec])
    (result,) = world.engine.wait_up([spec.id])
    assert result.kind == "timeout"
    assert result.detail == f"listens on 11573, not on $PORT ({result.process.port})."
    assert world.sink.of("web.1")[1:] == [
        "Error R10 (Boot timeout) -> Web process failed to bind to $PORT within 1 seconds of launch",
        "Stopping process with SIGKILL",
        "Process exited with status 137",
        "State changed from starting to crashed",
    ]


def test_no_port_at_all(world, slug):
    spec = make_spec(slug, "sleep 60", kept=True, type="web", routed=True, boot_timeout=0.5)
    world.engine.start([spec])
    (result,) = world.engine.wait_up([spec.id])
    assert (result.kind, result.status) == ("timeout", 137)
    assert result.detail == f"never listened on $PORT ({result.process.port}) within 0.5 seconds."


def test_an_exit_before_it_is_up_shows_its_last_words(world, slug):
    spec = make_spec(slug, "seq 30; exit 0", kept=True, type="web", routed=True)
    world.engine.start([spec])
    (result,) = world.engine.wait_up([spec.id])
    assert (result.kind, result.status) == ("crashed", 0)
    assert list(result.tail) == [str(number) for number in range(11, 31)]
    world.engine.stop([spec.id])
    assert world.sink.of("web.1")[-2:] == [
        "State changed from starting to crashed",
        "State changed from crashed to down",
    ]


def test_the_first_failure_ends_the_wait(world, slug):
    slow = make_spec(slug, "sleep 60", kept=True, type="web", routed=True, boot_timeout=20)
    broken = make_spec(slug, "exit 9", kept=True, type="web", number=2, routed=True)
    world.engine.start([slow, broken])
    (result,) = world.engine.wait_up([slow.id, broken.id])
    assert (result.process.id, result.status) == (broken.id, 9)


def test_http_checks(world, slug):
    path = HealthCheck(path="/shipped.txt", content="shipped", wait=0.02)
    good = make_spec(slug, WEB, kept=True, type="web", routed=True, checks=(HealthCheck(listening=True), path))
    start_up(world, good)
    absent = (HealthCheck(listening=True), HealthCheck(path="/absent", wait=0.02, attempts=3))
    bad = make_spec(slug, WEB, kept=True, type="web", number=2, routed=True, checks=absent)
    world.engine.start([bad])
    (result,) = world.engine.wait_up([bad.id])
    assert result.kind == "timeout"
    assert result.detail.startswith("answered 404 to GET /absent")


def test_command_checks_run_inside(world, slug):
    looks = HealthCheck(command=("sh", "-c", "test -e made-by-the-app"), wait=0.02)
    spec = make_spec(slug, "touch made-by-the-app; sleep 60", kept=True, checks=(looks,))
    start_up(world, spec)


def test_a_crash_is_followed_by_a_start(world, slug):
    spec = make_spec(slug, "sleep 0.3; exit 5", kept=True, checks=(HealthCheck(uptime=0.05),))
    port = start_up(world, spec).port
    until(lambda: sum(event.kind == "up" for event in world.events) == 2)
    assert world.sink.of("worker.1")[2:6] == [
        "Process exited with status 5",
        "State changed from up to crashed",
        "State changed from crashed to starting",
        f"Starting process with command `{spec.command}`",
    ]
    until(lambda: "Restart delayed 1s after 2 consecutive exits" in world.sink.of("worker.1"))
    exits = [event for event in world.events if event.kind == "exited"]
    assert [(event.status, event.delay) for event in exits] == [(5, 0.0), (5, 1.0)]
    assert port not in {event.process.port for event in world.events if event.kind == "up"} - {port}


def test_killing_the_sandbox_from_outside_is_a_crash_like_any(world, slug):
    spec = make_spec(slug, "exec sleep 60", kept=True, checks=ALIVE, stop_timeout=2)
    process = start_up(world, spec)
    import os

    os.kill(process.pid, signal.SIGKILL)
    until(lambda: sum(event.kind == "up" for event in world.events) == 2)
    assert "Process exited with status 137" in world.sink.of("worker.1")
    assert len([pids for pids in tree.carriers() if pids == spec.id]) == 1


def test_many_stop_side_by_side(world, slug):
    specs = [
        make_spec(slug, STUBBORN, kept=True, number=number, checks=ALIVE, stop_timeout=0.5) for number in range(1, 6)
    ]
    world.engine.start(specs)
    world.engine.wait_up([spec.id for spec in specs])
    began = time.monotonic()
    world.engine.stop([spec.id for spec in specs])
    assert time.monotonic() - began < 2.4


def test_attached_pipes(world, slug):
    attached = world.engine.attach(make_spec(slug, "cat; echo done >&2; exit 6", attached=True))
    attached.write(b"one\ntwo\n")
    attached.close_input()
    assert read_all(attached) == b"one\ntwo\ndone\n"
    assert attached.wait() == 6


def test_attached_terminal(world, slug):
    spec = make_spec(
        slug, "tty >/dev/null && stty size && echo $TERM $COLUMNS $LINES && cat", attached=True, terminal=(90, 33)
    )
    attached = world.engine.attach(replace(spec, env={**spec.env, "TERM": "vt100"}))
    read_until(attached, b"vt100 90 33\r\n")
    attached.write(b"typed\n")
    read_until(attached, b"typed\r\ntyped\r\n")
    attached.close_input()
    read_all(attached)
    assert attached.wait() == 0


def test_ctrl_c_on_a_terminal_reaches_the_command(world, slug):
    code = 'import time\ntry:\n  print("on", flush=True); time.sleep(60)\nexcept KeyboardInterrupt:\n  print("interrupted"); raise SystemExit(7)'
    attached = world.engine.attach(make_spec(slug, f"python3 -c '{code}'", attached=True, terminal=(80, 24)))
    read_until(attached, b"on")
    attached.write(b"\x03")
    read_until(attached, b"interrupted")
    assert attached.wait() == 7


def test_hanging_up_ends_a_one_off(world, slug):
    attached = world.engine.attach(
        make_spec(slug, "trap 'exit 9' HUP; echo on; while :; do sleep 0.02; done", attached=True)
    )
    read_until(attached, b"on\n")
    attached.hang_up()
    assert attached.wait() == 9
    assert "Client connection closed. Sending SIGHUP to all processes" in world.sink.of("run.1")


def test_waiting_for_an_exit_has_a_limit(world, slug):
    spec = make_spec(slug, "sleep 60")
    world.engine.start([spec])
    with pytest.raises(TimeoutError):
        world.engine.wait_exit(spec.id, 0.1)
    ends = threading.Thread(target=world.engine.stop, args=([spec.id],))
    ends.start()
    assert world.engine.wait_exit(spec.id, 10) == 143
    ends.join()


def test_no_descriptor_of_the_server_reaches_an_app(world, slug):
    _, lines = world.run(make_spec(slug, "ls /proc/self/fd"))
    assert set(lines) <= {"0", "1", "2", "3"}  # 3 is the listing's own


def command_lines():
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                found.append((entry / "cmdline").read_bytes())
            except OSError:
                continue
    return found


def read_all(attached):
    parts = []
    while chunk := attached.read():
        parts.append(chunk)
    return b"".join(parts)


def read_until(attached, end):
    got = b""
    while end not in got:
        chunk = attached.read()
        assert chunk, got
        got += chunk
    return got


def test_a_stop_right_after_the_start_finds_the_process(world, slug):
    specs = [make_spec(slug, "sleep 60", kept=True, number=number) for number in range(1, 4)]
    world.engine.start(specs)
    began = time.monotonic()
    world.engine.stop([spec.id for spec in specs])
    assert time.monotonic() - began < 5, "none of them had to be killed"
    assert {world.sink.of(spec.name)[-1] for spec in specs} == {"Process exited with status 143"}


def test_a_stop_during_the_boot_ends_the_wait_for_it(world, slug):
    spec = make_spec(slug, "sleep 60", kept=True, type="web", routed=True)
    world.engine.start([spec])
    ends = threading.Thread(target=world.engine.stop, args=([spec.id],))
    ends.start()
    (result,) = world.engine.wait_up([spec.id])
    ends.join()
    assert result.kind == "stopped"
    assert "State changed from starting to down" in world.sink.of("web.1")


@pytest.fixture
def nothing_stays(tmp_path):
    """An engine of whose processes, directories and rows nothing is left in the end."""
    (tmp_path / "home").mkdir()
    made = World(tmp_path / "home", "bwrap")
    before = set(tree.carriers())
    yield made
    try:
        assert made.engine.processes() == []
        until(lambda: set(tree.carriers()) <= before)
        until(lambda: made.records.list() == [])
        assert list((made.settings.run / "processes").iterdir()) == []
        assert made.engine.platform_processes() == []
    finally:
        made.close()


@pytest.mark.parametrize("before", [1, TURN + 2])
def test_when_one_cannot_be_started_none_is(nothing_stays, slug, before):
    good = [make_spec(slug, "sleep 60", kept=True, number=number) for number in range(1, before + 1)]
    impossible = make_spec(slug, "sleep \0 60", kept=True, number=before + 1)
    with pytest.raises(ValueError, match="null"):
        nothing_stays.engine.start([*good, impossible])


@pytest.mark.parametrize("terminal", [None, (80, 24)], ids=["pipes", "terminal"])
def test_a_one_off_that_cannot_be_started_leaves_no_descriptor(nothing_stays, slug, terminal):
    nothing_stays.run(make_spec(slug, "exit 0"))  # what an engine opens once, it has by now
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(ValueError, match="null"):
        nothing_stays.engine.attach(make_spec(slug, "cat \0", attached=True, terminal=terminal))
    until(lambda: len(list(Path("/proc/self/fd").iterdir())) <= before)


def test_what_is_not_on_record_does_not_begin(nothing_stays, slug, monkeypatch):
    def refuse(_):
        raise PlatformError("The database does not answer.")

    monkeypatch.setattr(nothing_stays.records, "insert", refuse)
    specs = [make_spec(slug, "sleep 60", kept=True, number=number) for number in range(1, TURN + 3)]
    with pytest.raises(PlatformError, match="does not answer"):
        nothing_stays.engine.start(specs)
    assert nothing_stays.sink.lines == [], "none of them was started"


def test_who_waits_for_a_process_hears_that_the_engine_ends(tmp_path_factory, slug):
    made = World(tmp_path_factory.mktemp("home"), "bwrap")
    spec = make_spec(slug, "sleep 3", kept=True, checks=(HealthCheck(uptime=30),))  # it outlives the engine
    made.engine.start([spec])
    heard, waits = [], threading.Event()

    def wait():
        waits.set()
        with pytest.raises(PlatformError, match="stopping"):
            made.engine.wait_up([spec.id])
        heard.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    waits.wait(10)
    made.close(stop=False)
    waiting.join(10)
    assert heard
