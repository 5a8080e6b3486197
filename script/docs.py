"""Writes docs/commands.md from the commands' own help; `--check` only says whether it is up to date."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from twelve.faces.cli.group import COMMANDS, SECTIONS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"
WIDTH = 100
INTRODUCTION = """\
# Commands

Every command explains itself: `twelve help`, `twelve help up`, `twelve help config set`. This page is made of that
help by `script/docs.py`.

Every list has `--json`, which prints the objects of the API. `--app` (or `TWELVE_APP`) names the app; without it the
app of the current directory is meant.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    wanted = page()
    current = PAGE.read_text() if PAGE.exists() else ""
    if check and wanted != current:
        print("docs/commands.md is not what the commands say: run script/docs.py.")
        return 1
    if wanted != current:
        PAGE.write_text(wanted)
    return 0


def page() -> str:
    root = click.Context(cli, info_name="twelve")
    parts = [INTRODUCTION]
    for section in SECTIONS:
        parts.append(f"\n## {section}\n")
        for name, entry in COMMANDS.items():
            if entry.section == section:
                command = cli.get_command(root, name)
                assert command
                parts += described(command, name, root)
    return "\n".join(parts)


def described(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=WIDTH)
    yield f"### `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from described(command.commands[inner], inner, context)


if __name__ == "__main__":
    sys.exit(main())
