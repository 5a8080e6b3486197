"""An open-loop load generator: requests leave on schedule whether or not earlier ones were answered, failures are kept.

with Load(port, "notes.localhost", rate=100) as load:
    ...do something to the app...
assert load.failures == []

generator (the schedule, what was lost and when) -> exchanges (one request of each kind) -> wire (HTTP and WebSocket); mix (all kinds at once)
"""

from tests.support.load.exchanges import Events, Get, Upload, WebSocket
from tests.support.load.generator import Failure, Load, Outcome
from tests.support.load.mix import KINDS, Mix

__all__ = ["KINDS", "Events", "Failure", "Get", "Load", "Mix", "Outcome", "Upload", "WebSocket"]
