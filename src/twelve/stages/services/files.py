"""Configuration files that hold secrets: whole or not there, readable by nobody else."""

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_private(file: Path, text: str) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
    temporary.replace(file)


class Roster:
    """Who may use a server that many resources share. On file, so that an adopted server forgets nobody."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def all(self) -> list[dict[str, str]]:
        try:
            return list(json.loads(self._file.read_text()).values())
        except (FileNotFoundError, ValueError):  # the platform's database knows them too, and passes them at its start
            return []

    def add(self, details: Iterable[Mapping[str, str]]) -> bool:
        """True when somebody is new or has changed."""
        before = {each["user"]: each for each in self.all()}
        after = before | {each["user"]: dict(each) for each in details}
        self._write(after)
        return before != after

    def remove(self, user: str) -> None:
        self._write({each["user"]: each for each in self.all() if each["user"] != user})

    def _write(self, users: Mapping[str, Mapping[str, str]]) -> None:
        write_private(self._file, json.dumps(users))
