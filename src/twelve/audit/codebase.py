"""What is audited: the files of one app, read when somebody asks, and the facts about them, each found out once.

A fact that needs something of many files asks for an extraction, a function of one file whose result is remembered
with the file's content, so that a second audit reads only what has changed:

    @extraction(language="python", needles=("environ", "getenv"))
    def variables_read(file: SourceFile) -> list[tuple[str, int]]: ...

    for file, reads in code.extracted(variables_read): ...

It sees one file and nothing else, and gives what JSON can hold (tuples come back as lists); what is empty is left out.
All extractions and rules of files look at a file together, so that it is parsed once; its tree is dropped after that.
"""

import ast
import json
import re
import warnings
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Any, Generic, TypeVar

from twelve.audit.classify import Kind, kind, language

T = TypeVar("T")
F = TypeVar("F")
_WILD = re.compile(r"[*?\[]")
LARGEST = 2 << 20  # bytes of a file that is read; decisive files and code are far smaller
LARGEST_TREE = 512 << 10  # bytes of code that is parsed: a tree takes hundreds of bytes for each

__all__ = ["Codebase", "Extraction", "Former", "Kind", "SourceFile", "extraction"]


class SourceFile:
    """One text file. `tracked` is whether it is under version control, as far as that is known.

    `stamp` is size, time and inode, by which an unchanged file is known without being read. `complete` becomes False
    when a look at it lacked something, such as a parser: then what was said of it is not remembered.
    """

    def __init__(
        self, path: str, read: Callable[[], bytes], *, size: int = 0, tracked: bool = True,
        stamp: tuple[int, int, int] | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.size = size
        self.tracked = tracked
        self.stamp = stamp
        self.complete = True
        self.kind = kind(path)
        self.language = language(path)
        self._read = read

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def is_too_large(self) -> bool:
        """To be read: it is as if it were empty."""
        return self.size > LARGEST

    @cached_property
    def data(self) -> bytes:
        return self._read()

    @cached_property
    def text(self) -> str:
        """Bytes that are no UTF-8 become U+FFFD; a line ends at LF, with or without a CR before it."""
        return self.data.decode("utf-8", "replace").replace("\r\n", "\n")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def python(self) -> ast.Module | None:
        """None when this Python cannot read it: a newer syntax, none at all, or far too much of it."""
        if len(self.data) > LARGEST_TREE:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                return ast.parse(self.data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the Python tree, parents before their children; none when there is no tree."""
        return list(ast.walk(self.python)) if self.python else []

    @cached_property
    def nodes_at(self) -> dict[int, list[ast.AST]]:
        """Those that begin on a line, by the line."""
        found: dict[int, list[ast.AST]] = {}
        for node in self.nodes:
            found.setdefault(getattr(node, "lineno", 0), []).append(node)
        return found

    def forget(self) -> None:
        """Everything read and parsed; who asks again gets it anew."""
        for known in ("data", "text", "lines", "python", "nodes", "nodes_at", "_starts", "_tree", "_uncommented"):
            self.__dict__.pop(known, None)

    def line_at(self, offset: int) -> int:
        """The line, from 1, of an offset into `text`."""
        return bisect_right(self._starts, offset)

    def search(self, pattern: str | re.Pattern[str]) -> Iterator[tuple[int, re.Match[str]]]:
        """(line, match) for every match in `text`."""
        compiled = re.compile(pattern, re.MULTILINE) if isinstance(pattern, str) else pattern
        return ((self.line_at(match.start()), match) for match in compiled.finditer(self.text))

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer("\n", self.text))]


@dataclass(frozen=True, slots=True)
class Former:
    """A file as it once was. `blob` is git's id of its content."""

    blob: str
    file: SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Generic[T]):
    """What is asked of each file of `languages` and `kinds` that has one of `needles` in it; see Rule for the same."""

    function: Callable[[SourceFile], T]
    languages: tuple[str, ...]
    needles: tuple[bytes, ...]
    kinds: frozenset[Kind]

    @property
    def id(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def __call__(self, file: SourceFile) -> T:
        """As it is after a walk through JSON: the same whether it was remembered or not."""
        said: T = json.loads(json.dumps(self.function(file)))
        return said


EXTRACTIONS: dict[str, Extraction[Any]] = {}


def extraction(
    *, language: str | tuple[str, ...] = (), needles: Iterable[str] = (), kinds: Iterable[Kind] = (Kind.PRODUCTION,)
) -> Callable[[Callable[[SourceFile], T]], Extraction[T]]:
    def add(function: Callable[[SourceFile], T]) -> Extraction[T]:
        languages = (language,) if isinstance(language, str) else language
        made = Extraction(
            function=function, languages=languages, kinds=frozenset(kinds),
            needles=tuple(needle.encode() for needle in needles),
        )  # fmt: skip
        EXTRACTIONS[made.id] = made
        return made

    return add


FORMER = ".git/history/"


def _former(path: str, text: str) -> SourceFile:
    return SourceFile(path.removeprefix(FORMER), text.encode, size=len(text))


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)))


class Codebase:
    """`files` by their path. `version_control` is "git", "hg", "archive" or ""; None when there is no way to know.

    `diverged` are branches that are named after an environment and have commits of their own; `history` is what files
    once were, when somebody asked for it.
    """

    def __init__(
        self,
        name: str,
        files: Iterable[SourceFile],
        *,
        version_control: str | None = None,
        diverged: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.files: Mapping[str, SourceFile] = {file.path: file for file in files}
        self.version_control = version_control
        self.diverged = tuple(diverged)
        self.history: Sequence[Former] = ()
        self._facts: dict[Callable[..., Any], Any] = {}
        self._globs: dict[tuple[str, ...], set[str]] = {}
        self._looked_at: set[str] = set()
        self._asked: set[str] = set()  # extractions that were asked before every file was looked at
        self._said: dict[str, list[tuple[SourceFile, Any]]] = {}

    @classmethod
    def of(cls, files: Mapping[str, str], name: str = "example") -> "Codebase":
        """From texts: the examples of the rules. What they have of .git tells of the repository: "absent", branches,
        and below .git/history what files once were.
        """
        heads = [path.removeprefix(".git/refs/heads/") for path in files if path.startswith(".git/refs/heads/")]
        made = [
            SourceFile(path, lambda text=text: text.encode(), size=len(text))  # type: ignore[misc]
            for path, text in files.items()
            if not path.startswith(".git/") and path != ".git"
        ]
        code = cls(name, made, version_control="" if files.get(".git") == "absent" else "git", diverged=heads)
        code.history = [
            Former("0" * 40, _former(path, text)) for path, text in files.items() if path.startswith(FORMER)
        ]
        return code

    @property
    def keeps(self) -> str:
        """What is said of a file that must not be among the code's: where nothing keeps it, it still goes along."""
        return "is among the files of the app" if self.version_control == "" else "is under version control"

    def get(self, path: str) -> SourceFile | None:
        return self.files.get(path)

    def find(self, *patterns: str, kinds: Iterable[Kind] | None = None) -> list[SourceFile]:
        """By the file's name, or by its whole path when the pattern has a slash in it."""
        wanted = None if kinds is None else set(kinds)
        told = [pattern for pattern in patterns if not _WILD.search(pattern)]
        wild = [pattern for pattern in patterns if pattern not in told]
        paths = {path for name in told for path in ([name] if "/" in name else self._by_name.get(name, []))}
        paths |= self._matching(tuple(wild)) if wild else set()
        found = [self.files[path] for path in paths if path in self.files]
        return sorted(
            (file for file in found if wanted is None or file.kind in wanted), key=lambda file: self._order[file.path]
        )

    def _matching(self, patterns: tuple[str, ...]) -> set[str]:
        if patterns not in self._globs:
            of_paths, of_names = ([one for one in patterns if ("/" in one) is whole] for whole in (True, False))
            found = set(filter(_any_of(of_paths).match, self.files)) if of_paths else set()
            for name in filter(_any_of(of_names).match, self._by_name) if of_names else ():
                found.update(self._by_name[name])
            self._globs[patterns] = found
        return self._globs[patterns]

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        named: dict[str, list[str]] = {}
        for file in self.files.values():
            named.setdefault(file.name, []).append(file.path)
        return named

    @cached_property
    def _order(self) -> dict[str, int]:
        return {path: number for number, path in enumerate(self.files)}

    def written_in(self, *languages: str, kinds: Iterable[Kind] = (Kind.PRODUCTION,)) -> list[SourceFile]:
        wanted = set(kinds)
        return [file for file in self.files.values() if file.language in languages and file.kind in wanted]

    def fact(self, finder: "Callable[[Codebase], F]") -> F:
        """What `finder` finds out about this codebase; asked once, remembered for everybody."""
        if finder not in self._facts:
            self._facts[finder] = finder(self)
        found: F = self._facts[finder]
        return found

    def extracted(self, wanted: Extraction[T]) -> list[tuple[SourceFile, T]]:
        """What `wanted` says of each file, where it says anything."""
        if len(self._looked_at) < len(self.files):
            for file in self.files.values():
                if file.path not in self._looked_at and self._may_say(file, wanted) and wanted.id not in self._asked:
                    self._note(file, wanted.id, wanted(file))
            self._asked.add(wanted.id)
        return list(self._said.get(wanted.id, []))

    def keep(self, file: SourceFile, said: dict[str, Any]) -> None:
        """What all extractions say of a file, by their id."""
        self._looked_at.add(file.path)
        for id_, one in said.items():
            self._note(file, id_, one)

    def _note(self, file: SourceFile, id_: str, said: Any) -> None:
        if said:
            self._said.setdefault(id_, []).append((file, said))

    def _may_say(self, file: SourceFile, wanted: Extraction[T]) -> bool:
        if file.kind not in wanted.kinds or (wanted.languages and file.language not in wanted.languages):
            return False
        return not wanted.needles or any(needle in file.data for needle in wanted.needles)
