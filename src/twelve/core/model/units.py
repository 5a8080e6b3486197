"""What a rollout's read-out is made of: one request of a unit, as the front door told of it."""

from typing import NamedTuple


class Exposure(NamedTuple):
    """`experiment` is the rollout's salt. `elsewhere`: no process of the variant served it. `tunnel`: a WebSocket."""

    experiment: str
    phase: int
    variant: str
    unit_hash: str
    failed: bool
    milliseconds: int
    elsewhere: bool = False
    tunnel: bool = False
