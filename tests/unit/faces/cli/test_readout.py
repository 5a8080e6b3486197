import textwrap
from pathlib import Path

import click
import pytest

from twelve.faces.cli.readout import drawing, length, lines, value

DOCUMENT = {
    "phase": 2,
    "verdict": "running",
    "reason": "no difference is certain yet",
    "winner": None,
    "canary": None,
    "srm": {"p": 0.42, "ln_e": -1.5, "refused": False},
    "metric": {
        "name": "click", "kind": "sum", "higher_is_better": True, "window": 86400, "cap": 3.0, "units": "new",
        "units_without_outcome": 940,
    },
    "alpha": 0.05,
    "variants": [
        {"name": "a", "release": {"version": 3}, "weight": 90.0, "units": 9001, "counted": 9001, "closed": 9000,
         "mean": 0.1, "requests": 20000, "failures": 7, "elsewhere": 0.0},
        {"name": "b", "release": {"version": 4}, "weight": 10.0, "units": 999, "counted": 999, "closed": 0,
         "mean": None, "requests": 0, "failures": 0, "elsewhere": None},
    ],
    "effects": [{"variant": "b", "delta": 0.04, "low": 0.0051954, "high": 0.0748046}],
    "guardrails": [
        {"name": "errors", "window": 60, "cap": None, "state": "clear",
         "effects": [{"variant": "b", "delta": 0.001, "low": -0.01, "high": 0.012, "margin": 0.01}]},
        {"name": "latency", "window": 60, "cap": None, "state": "burn_in", "effects": []},
    ],
}  # fmt: skip


def test_the_page_shows_what_is_printed():
    page = (Path(__file__).parents[4] / "docs" / "rollout-readout.md").read_text(encoding="utf-8")
    shown = page.partition("is running\n")[2].partition("`--json`")[0]
    a, b = DOCUMENT["variants"]
    click_of_b, errors, latency = (
        {"variant": "b", "delta": delta, "low": low, "high": high, "margin": margin}
        for delta, low, high, margin in [
            (0.0181, -0.01612, 0.05232, None), (-0.0001, -0.004, 0.0038, 0.01), (1.2, -6.0, 8.4, 14.9)
        ]
    )  # fmt: skip
    printed = text(DOCUMENT | {
        "srm": {"p": 0.71, "refused": False},
        "metric": DOCUMENT["metric"] | {"kind": "once", "window": 7200, "cap": None, "units_without_outcome": 8979},
        "variants": [
            a | {"release": {"version": 12}, "units": 9131, "closed": 9000, "mean": 0.1001, "requests": 21034, "failures": 3},
            b | {"release": {"version": 13}, "units": 1003, "closed": 991, "mean": 0.1182, "requests": 2310, "elsewhere": 0.002},
        ],
        "effects": [click_of_b],
        "guardrails": [
            {"name": "errors", "state": "clear", "effects": [errors]},
            {"name": "latency", "state": "clear", "effects": [latency]},
            {"name": "fallback", "state": "burn_in", "effects": []},
        ],
    })  # fmt: skip
    assert textwrap.dedent(shown).strip() == printed.strip()


def text(document):
    return click.unstyle("\n".join(lines(document)))


def test_a_reading_in_words():
    assert text(DOCUMENT).splitlines() == [
        "Phase 2: running, no difference is certain yet",
        "",
        "VARIANT  RELEASE  WEIGHT  UNITS  CLOSED  MEAN  REQUESTS  FAILED  ELSEWHERE",
        "a        v3       90 %    9001   9000    0.1   20000     7       0.0%",
        "b        v4       10 %    999    0             0         0",
        "",
        "The split is as the weights say (p = 0.42).",
        "click (sum of a unit, higher is better) within 24 h; 940 units without any; capped at 3",
        "  b - a  +0.04 [+0.005195, +0.0748]  95%, however often you look",
        "  ····················|[─────────o────────]",
        "guardrail errors: clear",
        "  b  +0.10% [-1.00%, +1.20%], margin 1.00%",
        "guardrail latency: burn_in",
    ]


def test_a_wrong_split_hides_every_effect():
    refused = DOCUMENT | {"srm": {"p": 1e-9, "ln_e": 20, "refused": True}, "verdict": "refused_srm"}
    assert "0.04" not in text(refused)
    assert "nothing is told of effects (p = 1e-09)" in text(refused)


def test_a_split_of_nobody_is_neither_right_nor_wrong():
    nobody = [one | {"counted": 0} for one in DOCUMENT["variants"]]
    assert "a minute ago or earlier: none yet" in text(DOCUMENT | {"variants": nobody})


def test_a_canary_says_what_it_waits_for():
    assert "\nCanary: 570 s more at 1 %\n" in text(DOCUMENT | {"canary": "570 s more at 1 %"})


def test_before_the_first_look():
    assert "no interval yet" in text(DOCUMENT | {"effects": []})


@pytest.mark.parametrize(
    ("low", "middle", "high", "drawn"),
    [
        (-1, 0, 1, "[────o────]"),
        (-1, -0.5, 0, "[──o─]·····"),  # zero is the end
        (0.5, 0.75, 1, "·····|·[─o]"),
        (0, 0, 0, "·····o·····"),
        (-1, -0.8, -0.6, "[o]··|·····"),
    ],
)
def test_drawings(low, middle, high, drawn):
    assert drawing(low, middle, high, 11) == drawn


@pytest.mark.parametrize(("seconds", "said"), [(86400, "24 h"), (90, "1.5 min"), (2, "2 s")])
def test_lengths(seconds, said):
    assert length(seconds) == said


def test_values():
    assert value(0.0123, "errors") == "1.23%"
    assert value(12.34, "latency", sign=True) == "+12.3 ms"
    assert value(123456.0, "revenue") == "1.235e+05"
