"""Which languages a codebase is written in, and which process types it has when it does not say so itself."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from twelve.core.errors import BuildError
from twelve.core.policy import propose
from twelve.core.ports import Progress
from twelve.stages.build import facts, node, python, static
from twelve.stages.build.declared import Declared
from twelve.stages.build.language import Language
from twelve.stages.build.workshop import Host

OWNED = frozenset({".venv", "node_modules", ".twelve"})  # directories that belong to dependency layers

FOREIGN = {
    "go.mod": "Go",
    "Gemfile": "Ruby",
    "Cargo.toml": "Rust",
    "pom.xml": "Java",
    "build.gradle": "Java",
    "build.gradle.kts": "Kotlin",
    "composer.json": "PHP",
    "mix.exs": "Elixir",
}


def languages(tree: Path, types: Mapping[str, str] | None, host: Host, components: Path) -> list[Language]:
    """Every language found; none is fine as long as there is a Procfile."""
    found: list[Language] = []
    if py := python.detect(tree, host):
        found.append(py)
    if js := node.detect(tree, host, components):
        found.append(js)
    if types is None and py is None and not _serves_itself(tree):
        site = static.detect(tree, host, built_by_node=js is not None and js.has_products)
        found += [site] if site else []
    if not found and types is None:
        if others := foreign(tree):
            raise BuildError(
                f"{others} is not built here, only Python, Node and static sites.",
                hint="Put the finished program into the codebase and name it in a Procfile.",
            )
        raise BuildError(
            "Nothing here looks like an app: no Procfile, no Python (requirements.txt, pyproject.toml, uv.lock, "
            "poetry.lock, Pipfile.lock, *.py), no package.json, no index.html.",
            hint="Deploy the directory your app is in, or write a Procfile.",
        )
    return found


def foreign(tree: Path) -> str:
    """The languages nobody here builds, with the files that show them: "Go (go.mod)"."""
    return ", ".join(f"{language} ({name})" for name, language in FOREIGN.items() if (tree / name).is_file())


def _serves_itself(tree: Path) -> bool:
    """Whether a package.json has something to start."""
    return "web" in propose.process_types(facts.gather(tree)) if (tree / "package.json").is_file() else False


def process_types(tree: Path, said: Declared, languages: Sequence[Language], progress: Progress) -> Mapping[str, str]:
    """What the Procfile says; without one, what the language or the code suggests, and that it was a guess."""
    for notice in said.notices:
        progress.line(f"Note: {notice}")
    if said.process_types is not None:
        if not languages and (others := foreign(tree)):
            progress.line(
                f"Note: {others} is not built here, only Python, Node and static sites: "
                "the Procfile's commands find what is in the codebase and on this machine."
            )
        return said.process_types
    served = {type_: command for language in languages for type_, command in language.process_types.items()}
    proposed = served or propose.process_types(facts.gather(tree))
    for type_, command in proposed.items():
        progress.line(f"No Procfile: taking `{type_}: {command}`")
    if proposed:
        progress.line("Write a Procfile to say otherwise; `twelve init` proposes one.")
    else:
        progress.line("Note: no Procfile, and nothing to propose: no process types; `twelve run` still works.")
    return proposed
