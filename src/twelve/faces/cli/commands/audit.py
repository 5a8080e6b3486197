"""`twelve audit`"""

from pathlib import Path

import click

from twelve.core.errors import UsageError

FORMATS = ("text", "json")
LEVELS = ("error", "warning", "never")


@click.command("audit")
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option(
    "--fail-on", type=click.Choice(LEVELS), default="error", show_default=True, help="End with 1 from here on."
)
@click.option("--factor", "factors", multiple=True, metavar="ITEM", help="Only this factor or AI item: III, AI02.")
@click.option("--explain", metavar="RULE", help="Tell what a rule finds, why, and what to do instead.")
@click.option("--no-cache", is_flag=True, help="Look at every file again, also at those that have not changed.")
@click.pass_context
def command(
    ctx: click.Context, path: Path, form: str, fail_on: str, factors: tuple[str, ...], explain: str, *, no_cache: bool
) -> None:
    """Find out from the code which of the twelve factors an app keeps. Nothing of the app is run.

    \b
    Examples:
      twelve audit
      twelve audit ../shop --factor III --format json
      twelve audit --explain TF07-port-hardcoded
    """
    from twelve.audit import audit as audits
    from twelve.audit.report import jsons, text
    from twelve.audit.report.explain import explained
    from twelve.infra.settings import Settings

    if explain:
        click.echo(explained(explain), nl=False)
        return
    made = audits.audit(path, cache=None if no_cache else Settings.from_environment().cache)
    if factors:
        made = audits.only(made, [_item(name) for name in factors])
    click.echo(jsons.render(made) if form == "json" else text.render(made, _paint), nl=False)
    ctx.exit(1 if audits.fails(made, fail_on) else 0)


def _paint(words: str, colour: str) -> str:
    return click.style(words, fg=colour)


def _item(name: str) -> str:
    from twelve.audit.model import ITEMS

    if name.upper() not in ITEMS:
        raise UsageError(f"{name} is neither a factor (I to XII) nor an AI item (AI01 to AI09).")
    return name.upper()
