"""What the app reads from its environment: every variable, with what takes its place when it is unset."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from twelve.audit.codebase import Codebase, SourceFile, extraction
from twelve.audit.facts import environment_python, environment_texts
from twelve.audit.facts.environment_python import Found

_TEXTS: dict[str, Callable[[SourceFile], Iterator[Found]]] = {
    "python": environment_python.found,
    "javascript": environment_texts.of_javascript,
    "typescript": environment_texts.of_javascript,
    "tsx": environment_texts.of_javascript,
    "ruby": environment_texts.of_ruby,
    "go": environment_texts.of_go,
    "java": environment_texts.of_java,
    "properties": environment_texts.of_spring,
    "yaml": environment_texts.of_yaml,
    "xml": environment_texts.of_spring,
    "shell": environment_texts.of_shell,
}


Row = tuple[str, int, str | None, str, bool, bool]  # as in Read, without the path


@dataclass(frozen=True, slots=True)
class Read:
    """`default`: the literal that takes its place when unset; `otherwise`: the source of one that is no literal.

    `required`: the app ends without it. `debugging`: the default holds only while the app is being debugged.
    """

    name: str
    path: str
    line: int
    default: str | None = None
    otherwise: str = ""
    required: bool = False
    debugging: bool = False


@extraction(
    language=tuple(_TEXTS),
    needles=("environ", "getenv", "process.env", "Deno.env", "ENV[", "ENV.fetch", "Getenv", "LookupEnv", "getEnv",
             "BaseSettings", "twelve_runtime", "decouple", "starlette.config",
             "onfigService.get", "onfig.get(", "env(", "_env(", "env.", "dj_database_url", "envconfig:",
             'env:"', "${"),
)  # fmt: skip
def found_in(file: SourceFile) -> list[Row]:
    return [
        (one.name, one.line, one.default, one.otherwise, one.required, one.debugging)
        for one in _TEXTS[file.language](file)
    ]


def of_file(file: SourceFile) -> list[Read]:
    """For rules that see one file. The same as `reads` has of it."""
    if file.language not in _TEXTS:
        return []
    return [_read(file, row) for row in found_in(file)]


def reads(code: Codebase) -> list[Read]:
    """Of all files that run for users, by file and line."""
    return [
        _read(file, row) for file, found in code.extracted(found_in) for row in sorted(found, key=lambda one: one[1])
    ]


def read_of(code: Codebase, *names: str) -> Read | None:
    """The first read of one of these variables."""
    return next((one for one in code.fact(reads) if one.name in names), None)


def _read(file: SourceFile, row: Row) -> Read:
    name, line, default, otherwise, required, debugging = row
    return Read(name, file.path, line, default, otherwise, required, debugging)
