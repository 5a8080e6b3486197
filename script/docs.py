"""Writes the pages of docs/ that are made of the code: commands.md of the commands' help, audit-rules.md of the rules.

`--check` only says whether they are up to date.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from twelve.audit.model import AI_ITEMS, ITEMS
from twelve.audit.probes.probe import Probe
from twelve.audit.probes.run import all_probes
from twelve.audit.report.words import REQUIREMENTS
from twelve.audit.rule import Rule
from twelve.audit.rules import all_rules
from twelve.faces.cli.group import COMMANDS, SECTIONS, cli

DOCS = Path(__file__).resolve().parent.parent / "docs"
WIDTH = 100
INTRODUCTION = """\
# Commands

Every command explains itself: `twelve help`, `twelve help up`, `twelve help config set`. This page is made of that
help by `script/docs.py`.

Every list has `--json`, which prints the objects of the API. `--app` (or `TWELVE_APP`) names the app; without it the
app of the current directory is meant.
"""
RULES = """\
# The rules of the audit

`twelve audit --explain RULE` tells more of each, with an example that it finds and one that it does not. This page is
made of the rules by `script/docs.py`. How to use them: [the audit](audit.md).
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [name for name, page in PAGES.items() if not is_current(DOCS / name, page())]
    for name in stale:
        if check:
            print(f"docs/{name} is not what the code says: run script/docs.py.")
        else:
            (DOCS / name).write_text(PAGES[name]())
    return 1 if check and stale else 0


def is_current(path: Path, wanted: str) -> bool:
    return path.exists() and path.read_text() == wanted


def commands() -> str:
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


def rules() -> str:
    parts = [RULES]
    every = all_rules()
    for item, title in ITEMS.items():
        own = [rule for rule in every if rule.item == item]
        parts.append(f"\n## {item if item in AI_ITEMS else f'{item}.'} {title}\n\n{REQUIREMENTS[item]}\n")
        if own:
            parts.append("| rule | level | finds | instead |\n|---|---|---|---|")
            parts += [row(rule) for rule in own]
    parts.append("\n## Watched with --live\n")
    parts.append("| probe | level | a good app | instead |\n|---|---|---|---|")
    parts += [row(probe) for probe in sorted(all_probes(), key=lambda probe: probe.id)]
    return "\n".join(parts) + "\n"


def row(rule: Rule | Probe) -> str:
    return f"| `{rule.id}` | {rule.severity} | {cell(rule.title)} | {cell(rule.fix)} |"


def cell(text: str) -> str:
    return text.replace("|", "\\|")


PAGES = {"commands.md": commands, "audit-rules.md": rules}

if __name__ == "__main__":
    sys.exit(main())
