"""Config vars in $EDITOR: written as a .env file that only its owner can read, and gone afterwards."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import click

from twelve.core.errors import BadDotenv, UsageError
from twelve.core.formats import dotenv

HEADER = "# One KEY=value a line. Nothing is expanded. Remove a line to remove the key.\n"


def edited(values: Mapping[str, str]) -> dict[str, str]:
    command = editor()
    with tempfile.TemporaryDirectory(prefix="twelve-config-") as directory:  # 0700, and the file in it 0600
        file = Path(directory) / "config.env"
        file.touch(mode=0o600)
        file.write_text(HEADER + dotenv.dump(values))
        while True:
            if _ran([*command, str(file)]) != 0:
                raise UsageError(f"{command[0]} ended with an error, so nothing was changed.")
            try:
                return dotenv.load(file.read_bytes(), file.name)
            except BadDotenv as error:
                click.echo("\n".join(error.log), err=True)
                click.confirm("Edit again?", default=True, abort=True, err=True)


def _ran(command: list[str]) -> int:
    try:
        return subprocess.run(command, check=False).returncode
    except OSError as error:
        raise UsageError(
            f"The editor {command[0]} cannot be started ({error.strerror}), so nothing was changed.",
            hint="Set EDITOR to one that is here, or use `twelve config set`.",
        ) from None


def editor() -> list[str]:
    for variable in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(variable, "")):
            return words
    for name in ("nano", "vi"):
        if shutil.which(name):
            return [name]
    raise UsageError("There is no editor here.", hint="Set EDITOR, or use `twelve config set`.")
