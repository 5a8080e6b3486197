"""`twelve doctor`"""

from dataclasses import asdict

import click

from twelve.core.errors import PlatformError, TwelveError
from twelve.faces.cli.client import Client
from twelve.faces.cli.output import json_option, show_json

MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@click.command("doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """What this machine lacks, and what that means. Ends with 80 when twelve cannot work here.

    \b
    Examples:
      twelve doctor
    """
    from twelve.flow.doctor import FAIL, WARN, examine

    client = Client.here()
    findings = examine(client.settings, server_runs=runs(client))
    levels = [finding.level for finding in findings]
    if as_json:
        show_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            mark, colour = MARKS[finding.level]
            click.echo(f"{click.style(f'{mark:<5}', fg=colour)} {finding.name:<12} {finding.sentence}")
        click.echo(f"\nFailures: {levels.count(FAIL)}. Warnings: {levels.count(WARN)}.")
    ctx.exit(PlatformError.exit_code if FAIL in levels else 0)


def runs(client: Client) -> bool:
    try:
        return client.is_running()
    except TwelveError:
        return False
