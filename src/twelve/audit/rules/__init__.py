"""All rules: one module a factor, one for the AI items, and those of installed packages."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import ModuleType

from twelve.audit.added import added_rules
from twelve.audit.judge import Relevance, Witness
from twelve.audit.model import FACTORS
from twelve.audit.rule import Rule, Rulebook

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
    return (*own, *added_rules({rule.id for rule in own}))


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
