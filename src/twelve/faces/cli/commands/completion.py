"""`twelve completion SHELL`"""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_TWELVE_COMPLETE"


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a completion script. `twelve` must be on PATH.

    \b
    Examples:
      twelve completion bash >> ~/.bashrc
      twelve completion zsh >> ~/.zshrc
      twelve completion fish > ~/.config/fish/completions/twelve.fish
    """
    kind = get_completion_class(shell)
    assert kind
    click.echo(kind(ctx.find_root().command, {}, "twelve", VARIABLE).source())
