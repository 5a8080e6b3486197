"""Says commands to a running HAProxy over its admin socket: one connection a batch, one answer a command."""

import socket
from collections.abc import Sequence
from pathlib import Path

from twelve.core.errors import RouterError

BATCH = 200  # commands; HAProxy works them off while we still send, so this bounds memory only
PROMPT = "\n> "
QUIET = ("add map", "set map", "del map", "set server")  # these answer nothing when all is well


class Admin:
    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        self._path = str(path)
        self._timeout = timeout

    def ask(self, commands: Sequence[str]) -> list[str]:
        """The answers, in order. OSError when nobody listens."""
        answers: list[str] = []
        for start in range(0, len(commands), BATCH):
            answers += self._ask(commands[start : start + BATCH])
        return answers

    def tell(self, commands: Sequence[str]) -> None:
        """Commands that must succeed."""
        for command, answer in zip(commands, self.ask(commands), strict=True):
            if problem := refusal(command, answer):
                raise RouterError(f'The front door refused "{command}": {problem}')

    def _ask(self, commands: Sequence[str]) -> list[str]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self._timeout)
            connection.connect(self._path)
            connection.sendall("".join(f"{line}\n" for line in ("prompt", *commands, "quit")).encode())
            received = bytearray()
            while chunk := connection.recv(1 << 16):
                received += chunk
        answers = received.decode(errors="replace").split(PROMPT)[1:-1]
        if len(answers) != len(commands):
            raise ConnectionError("HAProxy ended in the middle of an answer")
        return [answer.strip("\n") for answer in answers]


def refusal(command: str, answer: str) -> str:
    """What went wrong, in HAProxy's words; "" when nothing did."""
    if command.startswith(QUIET):
        return answer
    if command.startswith("add server"):
        known = "New server registered" in answer or ("already exists" in answer.lower() and command.endswith("backup"))
        return "" if known else answer or "no answer"
    return ""
