import click
import pytest
from click.testing import CliRunner

from twelve.core.errors import UsageError
from twelve.core.policy.readout.plan import Plan
from twelve.faces.cli.plan_options import guardrails, plan_options, settings


def given(*args):
    found = []

    @click.command()
    @plan_options
    def command(**options):
        found.append(settings(options))

    done = CliRunner().invoke(command, args, standalone_mode=False)
    if done.exception:
        raise done.exception
    return found[0]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], {}),
        (["--metric", "click", "--once", "--window", "2h"], {"metric": "click", "once": True, "window": 7200.0}),
        (["--canary", "--dwell", "30s", "--auto-promote"], {"canary": True, "dwell": 30.0, "auto_promote": True}),
        (["--no-auto-stop", "--units", "all"], {"auto_stop": False, "returning": True}),
        (
            ["--guardrail", "latency=10%", "--guardrail", "fallback=off"],
            {"guardrails": {"latency": 0.1, "fallback": None}},
        ),
    ],
)
def test_options(args, expected):
    assert given(*args) == expected
    Plan.of(expected)


def test_margins():
    assert guardrails(("errors=0.5%", "latency=.2")) == {"errors": 0.005, "latency": 0.2}
    with pytest.raises(UsageError, match="no guardrail"):
        guardrails(("errors=little",))
    with pytest.raises(UsageError):
        given("--window", "soon")
