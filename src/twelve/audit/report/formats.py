"""The report in each form somebody may want: for people, programs, code scanning, CI and bosses."""

from importlib import import_module

from twelve.audit.model import Audit
from twelve.audit.report.text import Paint, plain

MODULES = {
    "text": "text",
    "json": "jsons",
    "sarif": "sarif",
    "junit": "junit",
    "html": "html",
    "markdown": "markdown",
}


def render(audit: Audit, form: str, paint: Paint = plain) -> str:
    """`paint` colours text; the other forms have no colours, or their own."""
    module = import_module(f"twelve.audit.report.{MODULES[form]}")
    made: str = module.render(audit, paint) if form == "text" else module.render(audit)
    return made
