"""`twelve audit`"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from twelve.core.errors import UsageError

if TYPE_CHECKING:
    from twelve.audit.model import Audit, Observation

FORMATS = ("text", "json", "sarif", "junit", "html", "markdown")
LEVELS = ("error", "warning", "never")


@click.command("audit")
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the report to a file.")
@click.option(
    "--fail-on", type=click.Choice(LEVELS), default="error", show_default=True, help="End with 1 from here on."
)
@click.option("--factor", "factors", multiple=True, metavar="ITEM", help="Only this factor or AI item: III, AI02.")
@click.option(
    "--baseline", type=click.Path(path_type=Path), help="Findings in this file do not count for the exit code."
)
@click.option("--write-baseline", is_flag=True, help="Write all findings of now to --baseline.")
@click.option(
    "--diff-base", metavar="REF", help="Only findings on lines changed since this git commit or branch count."
)
@click.option(
    "--history", is_flag=True, help="Look for secrets in former versions of files; with --diff-base, since it."
)
@click.option("--explain", metavar="RULE", help="Tell what a rule finds, why, and what to do instead.")
@click.option("--live", is_flag=True, help="Also build and run the app in a throw-away platform, and watch it.")
@click.option("--no-cache", is_flag=True, help="Look at every file again, also at those that have not changed.")
@click.pass_context
def command(
    ctx: click.Context, path: Path, form: str, output: Path | None, fail_on: str, factors: tuple[str, ...],
    baseline: Path | None, diff_base: str | None, explain: str, *, write_baseline: bool, history: bool, live: bool,
    no_cache: bool,
) -> None:  # fmt: skip
    """Find out which of the twelve factors an app keeps: from its code, of which nothing is run, and with --live by
    watching it run, sandboxed, with services of its own, in a platform that is thrown away afterwards.

    \b
    Examples:
      twelve audit
      twelve audit ../shop --factor III --format json
      twelve audit --live --format html -o audit.html
      twelve audit --explain TF07-port-hardcoded
      twelve audit --baseline audit.json --write-baseline
      twelve audit --diff-base main --fail-on warning
      twelve audit --history --factor III
    """
    from twelve.audit import audit as audits
    from twelve.audit import baseline as baselines
    from twelve.audit import changes
    from twelve.audit.report.explain import explained
    from twelve.infra.settings import Settings

    if explain:
        click.echo(explained(explain), nl=False)
        return
    if write_baseline and not baseline:
        raise UsageError("--write-baseline needs --baseline FILE.")
    items = [_item(name) for name in factors]
    since = (changes.base(path, diff_base) if diff_base else "") if history else None
    made = audits.audit(path, cache=None if no_cache else Settings.from_environment().cache, history=since)
    if live:
        made = audits.with_observations(made, _observed(path, made))
    if baseline and write_baseline:
        _write(baseline, baselines.written(made))
    if baseline:
        made = baselines.beside(made, baselines.keys(baseline))
    if diff_base is not None:
        made = changes.since(made, path, diff_base)
    if items:
        made = audits.only(made, items)
    _show(made, form, output)
    ctx.exit(1 if audits.fails(made, fail_on) else 0)


def _observed(path: Path, made: "Audit") -> "list[Observation]":
    """What its code has nothing of, such as a model, is not asked for."""
    from twelve.audit.model import AI_ITEMS, Verdict
    from twelve.audit.probes.run import observe
    from twelve.faces.cli.ending import taken_away_first

    na = {one.item for one in made.judgements if one.verdict is Verdict.NOT_APPLICABLE and one.item in AI_ITEMS}
    with taken_away_first() as unless_ended:

        def say(step: str) -> None:
            unless_ended()
            click.secho(f"-----> {step}", err=True, bold=True)

        return observe(path, say, without=na)


def _show(made: "Audit", form: str, output: Path | None) -> None:
    from twelve.audit.report import formats

    if output is None:
        click.echo(formats.render(made, form, _paint), nl=False)
    else:
        _write(output, formats.render(made, form))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from None


def _paint(words: str, colour: str) -> str:
    return click.style(words, fg=colour)


def _item(name: str) -> str:
    from twelve.audit.model import ITEMS

    if name.upper() not in ITEMS:
        raise UsageError(f"{name} is neither a factor (I to XII) nor an AI item (AI01 to AI09).")
    return name.upper()
