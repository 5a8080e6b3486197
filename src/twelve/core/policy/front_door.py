"""What the router answers for an app while none of its web processes is ready: a decision, not an action."""

from collections.abc import Iterable

from twelve.core.model import ProcessState


def mode(
    *, maintenance: bool, released: bool, web_quantity: int, states: Iterable[ProcessState], help_comes: bool = False
) -> str:
    """A mode of core.ports.Router. `states` are those of the app's web processes; `help_comes` when others of an
    earlier release are about to take over.

    Precedence as Heroku has it: H80 maintenance, H81 blank, H14 no web processes, H10 crashed; otherwise requests wait.
    """
    seen = set(states)
    if maintenance:
        return "maintenance"
    if not released:
        return "blank"
    if web_quantity == 0:
        return "none"
    if ProcessState.UP in seen:
        return "serving"
    if seen and seen <= {ProcessState.CRASHED} and not help_comes:
        return "crashed"
    return "hold"
