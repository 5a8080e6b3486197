"""`twelve help [COMMAND ...]`"""

import click


@click.command("help")
@click.argument("words", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...]) -> None:
    """Explain twelve, or one of its commands.

    \b
    Examples:
      twelve help
      twelve help up
      twelve help config set
    """
    assert ctx.parent
    ctx.parent.command.main(args=[*words, "--help"], prog_name="twelve", standalone_mode=False)
