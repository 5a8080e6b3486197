"""A start is data before it is a process."""

import marshal
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.processes import make_slug, make_spec
from twelve.core.model import Layer
from twelve.stages.run.local.bubblewrap import Bubblewrap
from twelve.stages.run.local.copied import Copied
from twelve.stages.run.local.shell import environment, shell

PLACE = Path("/run/place")


@pytest.fixture
def spec(tmp_path):
    slug = make_slug(tmp_path / "slug", binds=("/opt/python", "/usr/lib/python3"))
    layers = (Layer("dependencies", "k1", Path("/layers/k1")), Layer("app", "k2", Path("/layers/k2")))
    return make_spec(
        replace(slug, layers=layers), "gunicorn app:app", env={"SECRET": "s3cret", "PATH": "/app/bin:/bin"}
    )


@pytest.fixture
def options(spec):
    start = Bubblewrap(Path("/opt/bwrap"), Path("/run")).start(
        spec, PLACE, environment(spec, 20001), ("/bin/sh", "-c", "x")
    )
    return start, start.arguments.decode().rstrip("\0").split("\0")


def test_no_value_is_in_argv_or_in_the_environment_of_the_sandbox(spec, options):
    start, _ = options
    assert start.argv == ("/opt/bwrap", "--args", "4", "--", "/bin/sh", "-c", "x")
    assert start.env == {"HEROKU_DYNO_ID": str(spec.id)}


def test_the_options_hold_the_whole_environment(spec, options):
    _, given = options
    pairs = {given[i + 1]: given[i + 2] for i, option in enumerate(given) if option == "--setenv"}
    assert pairs == {
        "PATH": "/app/bin:/bin",
        "SECRET": "s3cret",
        "PORT": "20001",
        "DYNO": "run.1",
        "HEROKU_DYNO_ID": str(spec.id),
        "HOME": "/app",
        "PWD": "/app",
    }
    assert given.index("--clearenv") < given.index("--setenv")


def test_layers_lie_lowest_first_under_the_overlay(options):
    text = " ".join(options[1])
    assert "--overlay-src /layers/k1 --overlay-src /layers/k2 --tmp-overlay /app --chdir /app" in text


def test_only_what_is_outside_usr_is_bound_again(options):
    text = " ".join(options[1])
    assert "--ro-bind /opt/python /opt/python" in text
    assert "/usr/lib/python3" not in text


def test_only_attached_processes_die_with_the_server(spec, options):
    assert "--die-with-parent" not in options[1]
    attached = Bubblewrap(Path("/opt/bwrap"), Path("/run")).start(replace(spec, attached=True), PLACE, {}, ())
    assert b"--die-with-parent" in attached.arguments


@pytest.mark.parametrize(
    ("value", "moved"),
    [
        ("/app", "/run/place/app"),
        ("/app/.venv/bin:/usr/bin:/app/bin", "/run/place/app/.venv/bin:/usr/bin:/run/place/app/bin"),
        ("-I/app/include", "-I/app/include"),  # not a path by itself: left alone
        ("--path=/app/x", "--path=/run/place/app/x"),
        ("/application", "/application"),
        ("http://host/app", "http://host/app"),
        ("/srv/app", "/srv/app"),
    ],
)
def test_without_a_root_of_its_own_paths_under_app_move(spec, value, moved):
    start = Copied(landlock=False).start(spec, PLACE, {"KEY": value}, ("/bin/sh",))
    assert marshal.loads(start.arguments)["env"]["KEY"] == moved


def test_the_shell_gives_its_place_to_the_command():
    argv = shell("gunicorn app:app", terminal=False)
    assert argv[-1].endswith("\nexec gunicorn app:app")
    assert argv[0] in {"/bin/bash", "/bin/sh"}


def test_a_terminal_is_led_by_a_session_of_its_own(spec):
    assert shell("top", terminal=True)[:2] == ("/usr/bin/setsid", "--ctty")
    env = environment(replace(spec, terminal=(90, 33)), 20001)
    assert (env["TERM"], env["COLUMNS"], env["LINES"]) == ("xterm-256color", "90", "33")


def test_the_shell_sets_limits_before_the_command():
    *_, line = shell("run it", terminal=False, processes=256)
    assert re.match(r"ulimit -c 0\nulimit -n \d+\nulimit -u 256\n", line)
    assert "ulimit -u" not in shell("run it", terminal=False)[-1]
