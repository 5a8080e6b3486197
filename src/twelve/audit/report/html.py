"""One page to show to others: the compliance checklist first, then findings by factor. No script, nothing loaded."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from importlib.resources import files

from twelve.audit.judge import WORST
from twelve.audit.model import ITEMS, Audit, Evidence, Finding, Judgement, Observation, Verdict, number
from twelve.audit.report.words import (
    LABELS,
    REQUIREMENTS,
    Section,
    ai_items,
    clean,
    counts,
    factors,
    observations,
    place,
    sections,
    summary,
)

SIGNS = {
    Verdict.PASS: "✓",
    Verdict.PARTIAL: "◐",
    Verdict.FAIL: "✗",
    Verdict.NOT_APPLICABLE: "–",  # noqa: RUF001 - a dash for the eye
    Verdict.UNKNOWN: "?",
}
MEANING = {
    Verdict.PASS: "kept, with evidence for it",
    Verdict.PARTIAL: "broken by a fallback, an option or one process type",
    Verdict.FAIL: "broken on the way to production",
    Verdict.UNKNOWN: "nothing found speaks for or against it",
    Verdict.NOT_APPLICABLE: "the app has nothing the item speaks of",
}
_QUOTED = re.compile(r"`([^`]+)`")
_NAMED = re.compile(r"^((?:TF|AI|BX)\d{1,2}-[\w-]{1,40})(?=: )")


def render(audit: Audit, now: datetime | None = None) -> str:
    return "\n".join(_lines(audit, now or datetime.now(UTC))) + "\n"


def _lines(audit: Audit, now: datetime) -> Iterator[str]:
    name = _title(audit.name)
    yield f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Twelve-factor audit of {name}</title>
<style>
{(files("twelve.audit.report") / "page.css").read_text("utf-8")}</style>
</head>
<body>
<main>
<header>
<p class="kind">Twelve-factor audit</p>
<h1>{name}</h1>
<p class="when">{now:%-d %B %Y, %H:%M} UTC · twelve {version("twelve")}</p>
</header>"""
    yield from _checklist("factors", "The twelve factors", factors(audit))
    yield from _checklist("ai", "AI and machine learning", ai_items(audit))
    yield from _legend()
    yield from _findings(audit)
    yield from _observations(observations(audit))
    yield from _notes(audit.notes)
    yield "</main>\n</body>\n</html>"


def _checklist(id_: str, title: str, judgements: Sequence[Judgement]) -> Iterator[str]:
    if not judgements:
        return
    yield f'<section class="checklist" id="{id_}">\n<h2>{title}</h2>\n<p class="sum">{summary(judgements)}</p>'
    yield '<nav class="strip" aria-label="Verdicts">'
    yield from (_tile(one) for one in judgements)
    yield "</nav>\n<ol>"
    for one in judgements:
        yield from _item(one)
    yield "</ol>\n</section>"


def _tile(one: Judgement) -> str:
    title = f"{ITEMS[one.item]}: {LABELS[one.verdict]}"
    return (
        f'<a class="{one.verdict}" href="#item-{one.item}" title="{title}"><b>{one.item}</b>'
        f'<span aria-hidden="true">{SIGNS[one.verdict]}</span><span class="spoken">{title}</span></a>'
    )


def _item(one: Judgement) -> Iterator[str]:
    yield f'<li id="item-{one.item}" class="{one.verdict}">'
    yield f'<div class="numeral">{one.item}</div>\n<div class="body">'
    yield f'<h3>{ITEMS[one.item]}</h3>\n<p class="asks">{REQUIREMENTS[one.item]}</p>'
    yield '<ul class="evidence">'
    yield from _evidence(one.evidence)
    yield "</ul>"
    if one.todo:
        yield f'<p class="todo"><b>To do</b> {_text(one.todo)}</p>'
    yield "</div>"
    yield f'<div class="verdict"><span aria-hidden="true">{SIGNS[one.verdict]}</span> {LABELS[one.verdict]}</div>'
    yield "</li>"


def _legend() -> Iterator[str]:
    yield '<dl class="legend">'
    for verdict, meaning in MEANING.items():
        yield f'<div class="{verdict}"><dt>{SIGNS[verdict]} {LABELS[verdict]}</dt><dd>{meaning}</dd></div>'
    yield "</dl>"


def _findings(audit: Audit) -> Iterator[str]:
    yield '<section class="findings" id="findings">\n<h2>Findings</h2>'
    yield f'<p class="sum">To look at: {counts(audit)}</p>'
    for section in sections(audit):
        yield from _section(section)
    if not audit.findings:
        yield "<p>Nothing was found.</p>"
    yield "</section>"


def _observations(seen: Sequence[Observation]) -> Iterator[str]:
    """Those that could not be asked are among the notes, each reason once."""
    seen = [one for one in seen if one.verdict is not Verdict.UNKNOWN]
    if not seen:
        return
    yield '<section class="seen" id="seen">\n<h2>Seen while it ran</h2>'
    for one in seen:
        mark = f'<span class="severity">{SIGNS[one.verdict]} {LABELS[one.verdict]}</span>'
        yield f'<article class="{one.verdict}">\n<p class="head">{mark} <span class="id">{_text(one.probe)}</span></p>'
        yield f"<p>{_text(one.text)}</p>"
        if one.verdict in WORST:
            yield f'<p class="todo"><b>To do</b> {_text(one.fix)}</p>'
        if one.again:
            yield f'<p class="todo"><b>See it again</b> {_text(one.again)}</p>'
        yield "</article>"
    yield "</section>"


def _section(section: Section) -> Iterator[str]:
    item = section.judgement.item
    yield f"<h3><b>{item}</b> {ITEMS[item]}</h3>"
    by_rule: dict[str, list[Finding]] = {}
    for one in section.open:
        by_rule.setdefault(one.rule, []).append(one)
    for rule, own in by_rule.items():
        yield from _rule(rule, own)
    if section.known:
        reason = _text(section.known[0].known)
        yield f'<p class="quiet">{number(len(section.known), "finding")} not new: {reason}</p>'
    if section.ignored:
        yield '<ul class="quiet">'
        for one in section.ignored:
            yield f"<li>ignored: {_place(one.path, one.line)} {one.rule}: {_text(one.suppressed or '')}</li>"
        yield "</ul>"


def _rule(rule: str, own: Sequence[Finding]) -> Iterator[str]:
    """All findings of a rule, with what to do said once."""
    yield f'<article class="{own[0].severity}">'
    yield f'<p class="head"><span class="severity">{own[0].severity}</span> <span class="id">{_text(rule)}</span></p>'
    yield "<ul>"
    for one in own:
        yield f"<li>{_place(one.path, one.line)} {_text(one.message)}</li>"
    yield f'</ul>\n<p class="todo"><b>To do</b> {_text(own[0].fix)}</p>\n</article>'


def _notes(notes: Sequence[str]) -> Iterator[str]:
    if notes:
        yield '<section class="notes">\n<h2>Notes</h2>\n<ul>'
        yield from (f"<li>{_text(note)}</li>" for note in notes)
        yield "</ul>\n</section>"


def _evidence(every: Sequence[Evidence]) -> Iterator[str]:
    """Two of them on a screen. On paper one, since the checklist is to be one page."""
    for order, one in enumerate(every[:2]):
        rest = f' <span class="more paper">and {len(every) - 1} more</span>' if order == 0 and len(every) > 1 else ""
        kind = ' class="screen"' if order else ""
        text = _NAMED.sub(r'<span class="rule">\1</span>', _text(one.text))
        yield f"<li{kind}>{_place(one.path, one.line)} {text}{rest}</li>"
    if len(every) > 2:
        yield f'<li class="more screen">and {len(every) - 2} more</li>'


def _place(path: str, line: int | None) -> str:
    """May break after a slash."""
    return f"<code>{escape(place(path, line)).replace('/', '/<wbr>')}</code>" if path else ""


def _text(text: str) -> str:
    """With what stands between backticks as code."""
    return _QUOTED.sub(r"<code>\1</code>", escape(clean(text)))


def _title(text: str) -> str:
    return escape(clean(text))
