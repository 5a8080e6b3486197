"""Dockerfiles: their stages and instructions, with lines. Only what is in the last stage reaches production."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from twelve.audit.codebase import Codebase, SourceFile

LONGEST = 5000  # lines
_ESCAPE = re.compile(r"\\[ \t]*$")
_HEREDOC = re.compile(r"<<-?\s*[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?")
_RUN_OPTION = re.compile(r"^(?:--\w+(?:=\S+)?\s+)+")
_COPIED_FROM = re.compile(r"(?:^|[\s,])-?-?from=([\w.-]+)")
_SIMPLE = re.compile(r"&&|\|\||;|\n")
_FOR_DEVELOPERS = re.compile(
    r"(?:local)?[-_]?(?:dev(?:elopment|el)?|tests?|testing|debug|lint)[-_]?\w{0,20}", re.IGNORECASE
)
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
        except (ValueError, RecursionError):
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
    return code.fact(_final_stages)


def _final_stages(code: Codebase) -> list[Stage]:
    return [final for file in production_files(code) if (final := final_stage(parse(file)))]


def production_files(code: Codebase) -> list[SourceFile]:
    files = [file for file in code.files.values() if file.language == "dockerfile" and file.kind == "production"]
    return sorted(files, key=lambda file: (file.path.count("/"), file.path))


def run_commands(instruction: Instruction) -> list[str]:
    """The simple commands of a RUN, without its options: ["apt-get update", "apt-get install -y git"]."""
    text = " ".join(instruction.argv) if instruction.argv else _RUN_OPTION.sub("", instruction.value)
    return [part.strip() for part in _SIMPLE.split(text) if part.strip()]


def line_of(code: Codebase, instruction: Instruction, text: str) -> int:
    """The line of an instruction of many that has `text` on it; its first when none has it whole."""
    file = code.get(instruction.path)
    rest = file.lines[instruction.line - 1 : instruction.line + 80] if file else []
    return next((instruction.line + ahead for ahead, line in enumerate(rest) if text in line), instruction.line)


def shipped(stages: list[Stage]) -> Stage:
    """The last one, unless that is named for development: who ships names another one (`--target`)."""
    return next((one for one in reversed(stages) if not _FOR_DEVELOPERS.fullmatch(one.name)), stages[-1])


def contributing(stages: list[Stage]) -> list[Stage]:
    """The stages whose work ends up in the last one: what it is built on, and what it copies from."""
    by_name = {stage.name.lower(): stage for stage in stages if stage.name}
    by_name |= {str(number): stage for number, stage in enumerate(stages)}
    found: list[Stage] = []
    waiting = [shipped(stages)] if stages else []
    while waiting:
        stage = waiting.pop()
        found.append(stage)
        froms = (_COPIED_FROM.search(one.value) for one in stage.instructions if one.keyword in {"COPY", "RUN"})
        names = [stage.base.lower(), *(match[1].lower() for match in froms if match)]
        for name in names:
            if name in by_name and by_name[name] not in [*found, *waiting]:
                waiting.append(by_name[name])
    return sorted(found, key=lambda stage: stage.line)


def final_stage(stages: list[Stage]) -> Stage | None:
    if not stages:
        return None
    by_name = {stage.name.lower(): stage for stage in stages if stage.name}
    last = shipped(stages)
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
    lines = iter(enumerate(file.lines[:LONGEST], start=1))
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
