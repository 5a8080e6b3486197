"""A line of the log stream as people and tools read it.

Example: `2026-06-09T16:13:36.866084+00:00 heroku[web.1]: Restarting`
"""

import re
from datetime import UTC, datetime

from twelve.core.model import LogLine

_LINE = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00) "
    r"(?P<source>[^\s\[\]]+)\[(?P<process>[^\[\]]*)\]: (?P<text>.*)",
    re.DOTALL,
)


def stamp(moment: datetime) -> str:
    """UTC with six decimals and +00:00, whatever zone `moment` is in."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def format(line: LogLine) -> str:  # noqa: A001 - called as log_line.format, the counterpart of log_line.parse
    return head(line.stamp, line.source, line.process) + line.text


def head(moment: datetime, source: str, process: str) -> str:
    """What stands before the text: the same for all lines of one read."""
    return f"{stamp(moment)} {source}[{process}]: "


def parse(text: str) -> LogLine | None:
    """The line `format` wrote; None for anything else."""
    match = _LINE.fullmatch(text)
    if not match:
        return None
    try:
        moment = datetime.fromisoformat(match["stamp"])
    except ValueError:  # the shape of a date, but no date
        return None
    return LogLine(moment, match["source"], match["process"], match["text"])
