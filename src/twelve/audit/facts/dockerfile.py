"""Dockerfiles: their stages and instructions, with lines. Only what is in the last stage reaches production."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from twelve.audit.codebase import Codebase, SourceFile

_ESCAPE = re.compile(r"\\[ \t]*$")
_HEREDOC = re.compile(r"<<-?\s*[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?")
_COMMENT = re.compile(r"^\s*#")


@dataclass(frozen=True, slots=True)
class Instruction:
    """`argv` of the JSON form of CMD, ENTRYPOINT, RUN; None for the shell form."""

    keyword: str
    value: str
    path: str
    line: int

    @property
    def argv(self) -> list[str] | None:
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


@dataclass(slots=True)
class Stage:
    base: str
    name: str
    path: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, keyword: str) -> list[Instruction]:
        return [one for one in self.instructions if one.keyword == keyword]

    def last(self, keyword: str) -> Instruction | None:
        return next((one for one in reversed(self.instructions) if one.keyword == keyword), None)


def production_stages(code: Codebase) -> list[Stage]:
    """Of each Dockerfile that is not for development or tests: the last stage, with what it inherits from earlier ones.

    The root's own Dockerfile first.
    """
    files = [file for file in code.files.values() if file.language == "dockerfile" and file.kind == "production"]
    files.sort(key=lambda file: (file.path.count("/"), file.path))
    return [final for file in files if (final := final_stage(parse(file)))]


def final_stage(stages: list[Stage]) -> Stage | None:
    if not stages:
        return None
    by_name = {stage.name.lower(): stage for stage in stages if stage.name}
    last = stages[-1]
    chain, seen = [last], {id(last)}
    while (base := by_name.get(chain[0].base.lower())) is not None and id(base) not in seen:
        chain.insert(0, base)
        seen.add(id(base))
    merged = [one for stage in chain for one in stage.instructions]
    return Stage(chain[0].base, last.name, last.path, chain[0].line, merged)


def parse(file: SourceFile) -> list[Stage]:
    """What stands before the first FROM (ARG, directives) belongs to no stage."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(file):
        if instruction.keyword == "FROM":
            stages.append(_stage(instruction, arguments))
        elif stages:
            stages[-1].instructions.append(instruction)
        elif instruction.keyword == "ARG":
            name, _, value = instruction.value.partition("=")
            arguments[name.strip()] = value.strip().strip("\"'")
    return stages


def _stage(instruction: Instruction, arguments: dict[str, str]) -> Stage:
    words = [word for word in instruction.value.split() if not word.startswith("--")]
    base = re.sub(
        r"\$\{?(\w+)(?::?-[^}]*)?\}?", lambda match: arguments.get(match[1], match[0]), words[0] if words else ""
    )
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    return Stage(base, name, instruction.path, instruction.line)


def _instructions(file: SourceFile) -> Iterator[Instruction]:
    lines = iter(enumerate(file.lines, start=1))
    for number, line in lines:
        if not line.strip() or _COMMENT.match(line):
            continue
        parts = [line]
        while _ESCAPE.search(parts[-1]):
            parts[-1] = _ESCAPE.sub("", parts[-1])
            following = next(lines, None)
            while following and _COMMENT.match(following[1]):
                following = next(lines, None)
            if following is None:
                break
            parts.append(following[1])
        keyword, _, value = " ".join(part.strip() for part in parts).partition(" ")
        for mark in _HEREDOC.findall(value):
            for _, body in lines:
                if body.strip() == mark:
                    break
                value += "\n" + body
        yield Instruction(keyword.upper(), value.strip(), file.path, number)
