"""`twelve up [DIRECTORY | TARBALL]`"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from twelve.core.errors import BadDotenv, SourceError, UsageError
from twelve.core.model.app import app_name_problem
from twelve.faces.cli import deploy
from twelve.faces.cli.client import Client
from twelve.faces.cli.deploy import Codebase, Packed
from twelve.faces.cli.foreground import Ended, Foreground, ended_by_signals
from twelve.faces.cli.start_server import ensure_running
from twelve.faces.cli.tell import Told, tell
from twelve.faces.cli.which_app import app_option, name_of, url_of

SLICE = 0.5  # seconds; a signal that comes just before a wait begins does not end it, so no wait is long


@click.command("up")
@click.argument("source", default=".", type=click.Path(path_type=Path), metavar="[DIRECTORY|TARBALL]")
@click.option("--ref", metavar="REF", help="Deploy a commit, branch or tag of the git checkout instead of its files.")
@click.option("--detach", "-d", is_flag=True, help="Return when the app serves; print its address last.")
@click.option("--watch", "-w", is_flag=True, help="Build and switch again whenever a file is saved.")
@click.option("--candidate", is_flag=True, help="Make a release that takes no requests; `rollout` gives it some.")
@app_option
@click.pass_context
def command(
    ctx: click.Context, source: Path, ref: str | None, detach: bool, watch: bool, candidate: bool, app: str | None
) -> None:
    """Build a codebase, release it and run it, with the services it asks for; then show its log.

    Starts the platform when it does not run. A .env beside the code is read as development config. Ctrl-C stops the
    app in order, and the platform when this command started it; a second Ctrl-C leaves at once.

    \b
    Examples:
      twelve up
      twelve up examples/notes --detach
      twelve up notes.tar.gz --app notes
      twelve up . --ref v1.2 --app notes-old
      twelve up --watch
      twelve up --candidate
    """
    code = Codebase(source, ref)
    check(code, watch=watch, detach=detach or candidate)
    name = app or name_of(code.place)
    if problem := app_name_problem(name):
        raise UsageError(problem, hint="Name the app with --app.")
    env, packed = code.dotenv(), deploy.pack(code)  # what is wrong with them is told before anything is started
    client = Client.here()
    started_here = ensure_running(client)
    if candidate:
        deploy.send(client, name, packed, env, candidate=True)
        return
    deploy.ensure_app(client, name)
    send = partial(deploy.send, client, name)
    if detach:
        send(packed, env)
        click.echo(url_of(client.get(f"/apps/{name}")))
        return
    foreground = Foreground(client, name, started_here=started_here)
    with ended_by_signals():
        ctx.exit(stay(foreground, partial(send, packed, env), partial(wait, code, packed.digest, send, watch=watch)))


def check(code: Codebase, *, watch: bool, detach: bool) -> None:
    if not code.place.exists():
        raise SourceError(f"{code.place} does not exist.", hint="Name a directory or a tarball.")
    if code.ref is not None and not code.is_directory:
        raise UsageError("--ref wants the directory of a git checkout.")
    if watch and (detach or code.ref is not None or not code.is_directory):
        raise UsageError("--watch wants a directory, and neither --detach nor --ref.")


def stay(foreground: Foreground, first: Callable[[], None], rest: Callable[[], None]) -> int:
    """Deploy, show the log, and leave in order; gives the exit code of the signal that ended it."""
    try:
        foreground.follow_log()
        first()
        foreground.serves()
        rest()
    except Told as failure:
        foreground.failed(failure.exit_code)
        raise
    except Ended as ended:
        foreground.end()
        return ended.status
    return 0


def wait(code: Codebase, digest: str, send: Callable[[Packed, dict[str, str] | None], None], *, watch: bool) -> None:
    """Until a signal; with `watch`, each saved change is deployed meanwhile."""
    while not watch:
        time.sleep(SLICE)
    from twelve.faces.cli.watch import changed_codebases

    for source in changed_codebases(code, digest):
        try:
            send(source, code.dotenv())
        except (Told, BadDotenv) as failure:
            tell(failure)
            click.echo("The last release goes on serving; the next saved change is tried again.", err=True)
