"""LogLine: one event of the stream. LogFilter: which of them somebody wants to see."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LogLine:
    """`source` is "app" or "heroku"; `process` is "web.1", "router", "api", "scheduler" ..."""

    stamp: datetime
    source: str
    process: str
    text: str


@dataclass(frozen=True, slots=True)
class LogFilter:
    """None means any. `process` may be a type ("web") or a process ("web.1").

    `source` is "app" (what processes print), "router" (heroku[router]) or "platform" (all other heroku lines);
    "heroku" means router and platform together.
    """

    source: str | None = None
    process: str | None = None

    def accepts(self, source: str, process: str) -> bool:
        if self.process is not None and self.process not in {process, process.partition(".")[0]}:
            return False
        match self.source:
            case None:
                return True
            case "router":
                return source == "heroku" and process == "router"
            case "platform":
                return source == "heroku" and process != "router"
            case _:
                return source == self.source
