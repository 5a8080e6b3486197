"""How a command of a process type becomes what the shell runs, and what the log shows of it."""

import re

_BUILTINS = (
    ". : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo "
    "enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf "
    "pushd pwd read readarray readonly return set shift shopt source suspend test times trap true type typeset ulimit "
    "umask unalias unset wait"
)
_KEYWORDS = "! [[ ]] { } case coproc do done elif else esac fi for function if in select then time until while"
_SHELL_WORDS = frozenset(f"{_BUILTINS} {_KEYWORDS}".split())
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\[[^]]*\])?\+?=")

# The words, quotes and redirections of one simple command; what matches none of these makes the command a compound one.
_PIECE = re.compile(
    r"""
      (?P<blank>[ \t]+)
    | (?P<comment>(?<![^ \t])\#[^\n]*)
    | (?P<redirection>[<>]+[&|]?)
    | (?P<word>(?: [^\s;&|()<>`'"\\]++ | \\(?:[^\n]|\Z) | '[^']*+' | "(?:[^"\\`]|\\.)*+" )++)
    """,
    re.VERBOSE | re.DOTALL,
)
_PORT = re.compile(r"\$(?:PORT(?![A-Za-z0-9_])|\{PORT\})")
_PROFILES = """\
for profile in "$HOME"/.profile.d/*.sh "$HOME"/.profile; do
  if [ -f "$profile" ]; then . "$profile"; fi
done
unset profile
"""


def script(command: str) -> str:
    """What `sh -c` is given: the slug's profiles in name order, then the command."""
    return _PROFILES + launch_line(command)


def launch_line(command: str) -> str:
    """With `exec` before a simple command, so that no shell stays between the engine and the app."""
    return f"exec {command}" if _is_simple(command) else command


def shown(command: str, port: int | None) -> str:
    """For the log: `$PORT` as its number, and nothing else expanded, so no config value gets there."""
    return command if port is None else _PORT.sub(str(port), command)


def _is_simple(command: str) -> bool:
    pieces = _pieces(command)
    first = next((piece for piece in pieces or [] if piece.lastgroup != "blank"), None)
    if first is None or first.lastgroup != "word":
        return False
    word = re.sub(r"[\\'\"]", "", first[0])
    return word not in _SHELL_WORDS and not _ASSIGNMENT.match(word)


def _pieces(command: str) -> list[re.Match[str]] | None:
    """None when something in it is not part of a simple command."""
    pieces: list[re.Match[str]] = []
    start = 0
    while start < len(command):
        piece = _PIECE.match(command, start)
        if piece is None:
            return None
        pieces.append(piece)
        start = piece.end()
    return pieces
