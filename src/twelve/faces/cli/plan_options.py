"""The options of `rollout start` that say what decides it: metric, window, guardrails, what may happen by itself."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from twelve.core.errors import UsageError
from twelve.core.formats.duration import milliseconds

F = TypeVar("F", bound=Callable[..., Any])
OPTIONS = (
    click.option("--metric", metavar="NAME", help="The outcome that decides; or errors (default), latency, fallback."),
    click.option("--once", is_flag=True, help="Count whether a unit had the outcome, not the sum of its values."),
    click.option("--lower-is-better", is_flag=True, help="Of the outcome."),
    click.option("--window", metavar="TIME", help="How long after its first request a unit's outcomes count: 24h."),
    click.option(
        "--guardrail", "guardrails", multiple=True, metavar="NAME=MARGIN",
        help="How much worse is too much: errors=1%, latency=20% (of the control's), fallback=5%; =off.",
    ),
    click.option("--units", type=click.Choice(["new", "all"]), default="new", help="Those of earlier phases too?"),
    click.option("--no-auto-stop", is_flag=True, help="Only tell when it should be aborted."),
    click.option("--auto-promote", is_flag=True, help="Promote a winner, or a canary that took all its steps."),
    click.option("--canary", is_flag=True, help="Take the steps 1, 5, 25, 50, 100 % by itself."),
    click.option("--dwell", metavar="TIME", help="How long a canary stays at each step, at least: 10m."),
)  # fmt: skip


def plan_options(function: F) -> F:
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def settings(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of them, as the API has it; the rest is left to its defaults."""
    found: dict[str, Any] = {
        "metric": given["metric"],
        "window": _seconds(given["window"]),
        "dwell": _seconds(given["dwell"]),
        "guardrails": guardrails(given["guardrails"]) if given["guardrails"] else None,
        "auto_stop": False if given["no_auto_stop"] else None,
        "returning": True if given["units"] == "all" else None,
    }
    found |= {name: given[name] or None for name in ("once", "lower_is_better", "auto_promote", "canary")}
    return {name: value for name, value in found.items() if value is not None}


def guardrails(given: tuple[str, ...]) -> dict[str, float | None]:
    """`errors=1%` is 0.01; None switches one off."""
    found: dict[str, float | None] = {}
    for text in given:
        name, _, margin = text.partition("=")
        found[name] = None if margin == "off" else _share(margin, text)
    return found


def _share(margin: str, text: str) -> float:
    try:
        return float(margin.removesuffix("%")) / (100 if margin.endswith("%") else 1)
    except ValueError:
        raise UsageError(f'"{text}" is no guardrail.', hint="Write NAME=MARGIN, such as errors=1%.") from None


def _seconds(text: str | None) -> float | None:
    return None if text is None else milliseconds(text) / 1000
