"""The configuration files of servers, which say as much as the command that starts them: their settings, with lines."""

import re
from collections.abc import Iterator, Mapping

from twelve.audit.codebase import Codebase, Kind, SourceFile
from twelve.audit.facts.comments import uncommented

GUNICORN = ("gunicorn.conf.py", "gunicorn_conf.py", "gunicorn_config.py", "gunicorn.py")
UWSGI = ("uwsgi.ini", "uwsgi_*.ini", "*.uwsgi.ini")
PUMA = ("puma.rb",)
UNICORN = ("unicorn.rb", "unicorn.conf.rb")


def told(
    code: Codebase, patterns: Mapping[tuple[str, ...], re.Pattern[str]]
) -> Iterator[tuple[SourceFile, int, re.Match[str]]]:
    """Each setting that the pattern of a server's files finds."""
    for names, pattern in patterns.items():
        for file in code.find(*names, kinds=(Kind.PRODUCTION,)):
            for match in pattern.finditer(uncommented(file)):
                yield file, file.line_at(match.start()), match
