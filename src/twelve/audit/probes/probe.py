"""What a probe is: one question to the running app, what was done to ask it, and what was seen.

    PROBES = Probebook()

    @PROBES.asks("TF09-live-sigterm", ERROR, "SIGTERM ends the process in time.", fix="...")
    def ends_on_sigterm(trial: Trial) -> Saw: ...

A probe that cannot ask raises CannotTell with the reason: that is never a pass.
"""

from collections.abc import Callable
from dataclasses import dataclass

from twelve.audit.model import Observation, Severity, Verdict
from twelve.audit.probes.trial import Trial
from twelve.audit.rule import MEANS, item_of
from twelve.core.errors import TwelveError

NOT_RUNNING = "The app does not run"


class CannotTell(Exception):
    """Why a probe could not be carried out, in a sentence."""


@dataclass(frozen=True, slots=True)
class Saw:
    """What was done and seen, in one sentence; `again` how to see it yourself."""

    good: bool
    text: str
    again: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """`title` is what a good app does."""

    id: str
    severity: Severity
    title: str
    fix: str
    ask: Callable[[Trial], Saw]

    @property
    def item(self) -> str:
        return item_of(self.id)

    def observe(self, trial: Trial) -> Observation:
        try:
            saw = self.ask(trial)
        except CannotTell as reason:
            return self.unasked(str(reason))
        except TwelveError as error:
            return self.unasked(f"It could not be carried out: {error}")
        return self._said(Verdict.PASS if saw.good else MEANS[self.severity], saw.text, saw.again)

    def unasked(self, reason: str) -> Observation:
        return self._said(Verdict.UNKNOWN, reason, "")

    def _said(self, verdict: Verdict, text: str, again: str) -> Observation:
        return Observation(self.id, self.item, self.severity, verdict, text, self.fix, again)


class Probebook:
    """The probes of one module, in the order they are asked."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []

    def asks(
        self, id_: str, severity: Severity, title: str, *, fix: str
    ) -> Callable[[Callable[[Trial], Saw]], Callable[[Trial], Saw]]:
        def add(ask: Callable[[Trial], Saw]) -> Callable[[Trial], Saw]:
            self.probes.append(Probe(id=id_, severity=severity, title=title, fix=fix, ask=ask))
            return ask

        return add
