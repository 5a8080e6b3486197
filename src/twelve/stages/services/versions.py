"""What version of a server we run, as its program says it."""

import re
import subprocess
from functools import cache
from pathlib import Path


@cache
def said_by(program: Path, option: str) -> str:
    """The first number with dots in what it prints."""
    said = subprocess.run([program, option], env={}, capture_output=True, text=True, check=False, timeout=10).stdout
    found = re.search(r"\d+(\.\d+)+", said)
    return found.group() if found else "?"
