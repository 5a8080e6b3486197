"""All rules: one module a factor, one for the AI items, and those of installed packages.

A package adds rules by an entry point of the group "twelve.audit_rules" that leads to a Rulebook.
"""

import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from twelve.audit.judge import Relevance, Witness
from twelve.audit.model import FACTORS
from twelve.audit.rule import Rule, Rulebook

GROUP = "twelve.audit_rules"
MODULES = {
    "I": "f01_codebase",
    "II": "f02_dependencies",
    "III": "f03_config",
    "IV": "f04_services",
    "V": "f05_build_release_run",
    "VI": "f06_processes",
    "VII": "f07_port_binding",
    "VIII": "f08_concurrency",
    "IX": "f09_disposability",
    "X": "f10_parity",
    "XI": "f11_logs",
    "XII": "f12_admin",
}
AI_MODULE = "ai"


@cache
def all_rules() -> tuple[Rule, ...]:
    own = [rule for module in [*_factor_modules().values(), _ai()] for rule in _book(module).rules]
    added = [rule for book in _installed() for rule in book.rules]
    return (*own, *added)


def _installed() -> list[Rulebook]:
    """What other packages add. Their list is only read in full when one of them may: that takes longer than we do."""
    files = (file for place in sys.path for file in Path(place).glob("*.dist-info/entry_points.txt"))
    if not any(GROUP in file.read_text("utf-8", "replace") for file in files):
        return []
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import

    return [entry.load() for entry in entry_points(group=GROUP)]


def witnesses() -> Mapping[str, Witness]:
    """By item: what speaks for a pass."""
    own: dict[str, Witness] = {item: module.witness for item, module in _factor_modules().items()}
    return own | dict(_ai().WITNESSES)


def relevances() -> Mapping[str, Relevance]:
    """By item: why it does not apply to a codebase."""
    named = {item: module.irrelevant for item, module in _factor_modules().items() if hasattr(module, "irrelevant")}
    return named | dict(_ai().IRRELEVANT)


def _factor_modules() -> dict[str, ModuleType]:
    return {item: import_module(f"{__name__}.{MODULES[item]}") for item in FACTORS}


def _ai() -> ModuleType:
    return import_module(f"{__name__}.{AI_MODULE}")


def _book(module: ModuleType) -> Rulebook:
    book: Rulebook = module.RULES
    return book
