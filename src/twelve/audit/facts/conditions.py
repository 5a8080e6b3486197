"""Which commands of a chain run only when somebody asks: below `if [ "$MIGRATE" = 1 ]`, in a branch of `case`."""

import re
from dataclasses import dataclass, field

_ASKED = re.compile(r"\$\{?[A-Za-z0-9@*#]\w*")
_REFUSED = re.compile(r"!=|-z\b|!\s|:-(?:1|true|yes|on)\b|-[efdrs]\s|-[gl][te]\s|-ne\s", re.IGNORECASE)
_PRODUCTION = re.compile(r"\bprod(?:uction)?\b", re.IGNORECASE)
_ARGUMENT = re.compile(r"\$\{?[1-9@*]")
_QUOTED = re.compile(r"[\w./:-]+")
_TEST = re.compile(r"(?:if|elif)\s|\[\[?\s|test\s")
_PATTERN = re.compile(r"\(?([\w.*|\"' -]{1,200})\)\s*(.*)", re.DOTALL)


@dataclass(slots=True)
class Conditions:
    """Fed one simple command after the other, also the shell's own words; `given` is the whole line they come from."""

    given: str
    _open: list[tuple[str, bool, bool]] = field(default_factory=list)  # kind, on demand now, on demand in the else
    _tested: bool = False

    def take(self, part: str) -> tuple[str, bool]:
        """The command without the pattern of a `case` before it, and whether it runs on demand only."""
        word = part.split(maxsplit=1)[0] if part else ""
        tested, self._tested = self._tested, False
        if word == "case":
            self._open.append(("case", False, False))
        elif word in {"esac", "fi"}:
            self._open = self._open[:-1]
        elif word == "if":
            self._open.append(("if", *self._demands(part)))
        elif self._open and word in {"elif", "else"} and self._open[-1][0] == "if":
            otherwise = self._open[-1][2]
            body, rest = self._demands(part) if word == "elif" else (False, False)
            self._open[-1] = ("if", otherwise or body, otherwise or rest)
        elif self._open and self._open[-1][0] == "case" and (match := _PATTERN.match(part)):
            self._open[-1] = ("case", not self._is_usual(match[1]), False)
            part = match[2]
        elif _TEST.match(part):
            self._tested = self._demands(part)[0]
        return part, tested or any(one[1] for one in self._open)

    def _is_usual(self, pattern: str) -> bool:
        """The branch for everything, for production, or for what the command line says."""
        named = {one.strip(" \"'") for one in pattern.split("|")}
        return "*" in named or bool(_PRODUCTION.search(pattern)) or bool(named & set(self.given.split()))

    def _demands(self, test: str) -> tuple[bool, bool]:
        """Whether what follows runs on demand only, and whether what follows its else does."""
        if not _ASKED.search(test):
            return False, False
        refuses = bool(_REFUSED.search(test))
        is_given = bool(_ARGUMENT.search(test)) and bool(set(_QUOTED.findall(test)) & set(self.given.split()))
        if _PRODUCTION.search(test) or is_given:
            return refuses, not refuses
        return not refuses, False
