"""What a codebase still lacks to run the twelve-factor way: proposed as whole files, and nothing is overwritten."""

import os
from dataclasses import dataclass
from pathlib import Path

from twelve.core.errors import SourceError
from twelve.core.policy.missing_files import missing_files
from twelve.core.policy.naming import app_name_from
from twelve.stages.build import declared, facts
from twelve.stages.source.tree import look


@dataclass(frozen=True, slots=True)
class Proposal:
    """A file that does not exist yet, and what could be in it."""

    path: Path
    text: str


def proposals(directory: Path) -> list[Proposal]:
    if not directory.is_dir():
        raise SourceError(f"{directory} is not a directory.", hint="Name the directory that holds your codebase.")
    types = declared.read(directory).process_types
    found = missing_files(
        facts.gather(directory, app_name_from(directory.resolve().name), look(directory).names), types
    )
    return [Proposal(directory / name, text) for name, text in found.items()]


def write(proposal: Proposal) -> None:
    """Only where nothing is: a file that has appeared meanwhile is left alone."""
    try:
        descriptor = os.open(proposal.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError as error:
        raise SourceError(f"{proposal.path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(proposal.text)
