"""The table of commands. A command's module is imported only when it is invoked, so `--help` and `ps` start quickly."""

import os
from importlib import import_module
from typing import NamedTuple

import click


class Entry(NamedTuple):
    module: str
    section: str
    summary: str


SECTIONS = ("Start", "Processes", "Config and services", "Apps and releases", "This machine")
START, PROCESSES, CONFIG, RELEASES, PLATFORM = SECTIONS

COMMANDS: dict[str, Entry] = {
    "up": Entry("up", START, "Build a codebase, release it and run it."),
    "init": Entry("init", START, "Propose the files a codebase still lacks."),
    "audit": Entry("audit", START, "Find out which of the twelve factors an app keeps."),
    "open": Entry("open", START, "Print the address of an app."),
    "ps": Entry("ps", PROCESSES, "List the processes of an app."),
    "top": Entry("top", PROCESSES, "Watch what apps and the platform use."),
    "scale": Entry("scale", PROCESSES, "Set how many processes of each type run."),
    "restart": Entry("restart", PROCESSES, "Restart an app, a process type or one process."),
    "stop": Entry("stop", PROCESSES, "Stop an app or one of its processes."),
    "start": Entry("start", PROCESSES, "Start an app that was stopped."),
    "run": Entry("run", PROCESSES, "Run a one-off command in the app's release and environment."),
    "schedule": Entry("schedule", PROCESSES, "Run commands by the clock."),
    "retrain": Entry("retrain", PROCESSES, "Train a model, judge it, and serve it when it is good enough."),
    "logs": Entry("logs", PROCESSES, "Show what the app and the platform print."),
    "drains": Entry("drains", PROCESSES, "Copies of the log for servers elsewhere."),
    "config": Entry("config", CONFIG, "Show and change config vars; each change is a release."),
    "services": Entry("services", CONFIG, "Add, attach and remove backing services."),
    "apps": Entry("apps", RELEASES, "List, create, describe and destroy apps."),
    "releases": Entry("releases", RELEASES, "List releases and compare them."),
    "rollback": Entry("rollback", RELEASES, "Release an earlier release again."),
    "rollout": Entry("rollout", RELEASES, "Share an app's requests between releases."),
    "models": Entry("models", RELEASES, "Models as immutable artifacts; releases pin them."),
    "datasets": Entry("datasets", RELEASES, "Training data as immutable snapshots."),
    "domains": Entry("domains", RELEASES, "Host names that lead to an app."),
    "status": Entry("status", PLATFORM, "Every process of the platform and of the apps."),
    "server": Entry("server", PLATFORM, "Run the platform in the foreground."),
    "down": Entry("down", PLATFORM, "Stop every app and the platform."),
    "doctor": Entry("doctor", PLATFORM, "What this machine lacks, and what that means."),
    "completion": Entry("completion", PLATFORM, "Print a completion script for bash, zsh or fish."),
    "help": Entry("help", PLATFORM, "Explain a command."),
}

EXAMPLES = """\
Examples:
  twelve up                      build and run the app in this directory
  twelve up examples/notes -d    the same for another one, and return when it serves
  twelve config set KEY=VALUE    a new release with another config
  twelve run -- python -m this   a one-off process in the same release
  twelve logs --tail --ps web    follow what the web processes print
"""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = import_module(f"twelve.faces.cli.commands.{entry.module}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(unknown_command(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for section in SECTIONS:
            with formatter.section(section):
                formatter.write_dl(
                    [(name, entry.summary) for name, entry in COMMANDS.items() if entry.section == section], col_max=12
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        formatter.write(f"\n{EXAMPLES}\n`twelve help COMMAND` tells more about one of them.\n")


def unknown_command(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    return f'there is no command "{name}".' + (f" Did you mean `twelve {near[0]}`?" if near else "")


@click.group(
    cls=LazyGroup,
    options_metavar="",
    subcommand_metavar="COMMAND ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="twelve", message="twelve %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """twelve builds, releases and runs any codebase the twelve-factor way."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False
