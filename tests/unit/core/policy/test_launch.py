import subprocess

import pytest

from twelve.core.policy.launch import launch_line, script, shown

SIMPLE = [
    "gunicorn app:app -b :$PORT",
    'sh -c "echo $FOOBAR" >/dev/null 2>&1',
    "python -c 'print(1); print(2)'",  # what is quoted is no operator
    "python x.py # note",
    "python x.py # a; b",  # nor what is commented out
    "$RUNNER serve",
    "run#1 x",
    "echoes hi",  # begins like a builtin
    'python "x;y" z\\;w',
    "bin/web <in >>out 2>|err",
    "  python x.py",
    'sh -c "a \\" b"',
    "python x.py \\",
    "cat <<< word",
]
UNCHANGED = [
    "a && b",
    "python x.py; echo done",
    "python x.py | tee /dev/stderr",
    "python x.py &",
    "cd src && python x.py",
    "FOO=1 python x.py",
    "exec python x.py",
    "echo hi",
    "(cd a; b)",
    "python $(cat f)",
    "python `cat f`",
    'python "`cat f`"',
    "python 'unclosed",
    'python "unclosed',
    "python a#b; echo done",  # "#" inside a word comments nothing out
    "python x.py\necho done",
    "python x.py &> out",  # to a plain sh this is "&" and then "> out"
    ">out echo hi",  # the command may be a builtin
    '"ec"ho hi',  # quoted or not, it is the builtin
    "a[1]=x b",
    "A+=x b",
    "{ a",
    "! a",
    "",
    "# nothing",
    "\\\ncd x",
]


@pytest.mark.parametrize("command", SIMPLE)
def test_no_shell_stays_before_a_simple_command(command):
    assert launch_line(command) == f"exec {command}"


@pytest.mark.parametrize("command", UNCHANGED)
def test_anything_else_is_left_to_the_shell(command):
    assert launch_line(command) == command


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("serve :$PORT", "serve :4000"),
        ("serve ${PORT}0 $PORT", "serve 40000 4000"),
        ("serve $PORTS $HOME ${PORT:-1}", "serve $PORTS $HOME ${PORT:-1}"),  # nothing else is expanded
    ],
)
def test_shown(command, text):
    assert shown(command, 4000) == text


def test_shown_without_a_port():
    assert shown("serve :$PORT", None) == "serve :$PORT"


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_profiles_come_before_the_command_in_name_order(shell, tmp_path):
    (tmp_path / ".profile.d").mkdir()
    (tmp_path / ".profile.d/a.sh").write_text("export A=a")
    (tmp_path / ".profile.d/b.sh").write_text('export A="${A}b"')
    (tmp_path / ".profile").write_text('export A="${A}c"')
    command = "sh -c 'echo $A$PROFILE; exit 3'"
    ran = subprocess.run(
        [shell, "-c", script(command)],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == ("abc\n", "", 3)


def test_no_profiles_are_no_error(tmp_path):
    ran = subprocess.run(
        ["sh", "-c", script("true")],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (b"", b"", 0)
