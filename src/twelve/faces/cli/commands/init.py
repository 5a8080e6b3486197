"""`twelve init [DIRECTORY]`"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from twelve.flow.init import Proposal


@click.command("init")
@click.argument("directory", default=".", type=click.Path(path_type=Path))
@click.option("--yes", "-y", is_flag=True, help="Write the files without asking.")
def command(directory: Path, yes: bool) -> None:
    """Propose what a codebase still lacks: a Procfile, an .env.example, an app.json. Nothing is ever overwritten.

    \b
    Examples:
      twelve init
      twelve init ../shop --yes
    """
    from twelve.flow.init import proposals, write

    found = proposals(directory)
    if not found:
        click.echo("Nothing to propose: what could be recognised is there already.")
        return
    for proposal in found:
        show(proposal)
    if yes or (sys.stdin.isatty() and click.confirm(f"Write {names(found)}?", default=False, err=True)):
        for proposal in found:
            write(proposal)
        click.echo(f"Wrote {names(found)}.", err=True)
    else:
        click.echo(f"Nothing was written; `twelve init {directory} --yes` writes {names(found)}.", err=True)


def show(proposal: "Proposal") -> None:
    """As a difference against the file that is not there."""
    click.secho(f"--- /dev/null\n+++ {proposal.path}", bold=True)
    for line in proposal.text.splitlines():
        click.secho(f"+{line}", fg="green")
    click.echo()


def names(found: "list[Proposal]") -> str:
    return ", ".join(proposal.path.name for proposal in found)
