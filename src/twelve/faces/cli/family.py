"""A noun with verbs: `twelve config set`. Without a verb it lists: `twelve config`, `twelve config --json`."""

import click

LIST = "list"
HELP = {"-h", "--help"}


class Family(click.Group):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, with_verb(args))

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage(ctx.command_path, "[list] | COMMAND ...")


def with_verb(args: list[str]) -> list[str]:
    """What begins with an option other than help is about the list."""
    if not args or (args[0].startswith("-") and args[0] not in HELP):
        return [LIST, *args]
    return args
