"""Pydantic's complaints as sentences: which key, what is wrong with it, what to do. Never the value."""

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import AliasChoices, BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from twelve_runtime.errors import Problem
from twelve_runtime.redaction import is_secret_name

WHAT: Mapping[str, str] = {
    "missing": "is missing",
    "int_parsing": "is no whole number",
    "int_from_float": "is no whole number",
    "int_parsing_size": "is too large a number",
    "float_parsing": "is no number",
    "decimal_parsing": "is no number",
    "finite_number": "is no finite number",
    "bool_parsing": "is neither true nor false",
    "literal_error": "is not {expected}",
    "enum": "is not {expected}",
    "greater_than": "is not above {gt}",
    "greater_than_equal": "is not {ge} or more",
    "less_than": "is not below {lt}",
    "less_than_equal": "is not {le} or less",
    "string_too_short": "is shorter than {min_length} characters",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "is shorter than {min_length}",
    "too_long": "is longer than {max_length}",
    "list_type": "is no list: neither JSON nor words between commas",
    "dict_type": "is no JSON object",
    "model_type": "is no JSON object",
}


def problems_of(settings: type[BaseModel], error: ValidationError) -> list[Problem]:
    """In the order of the fields; a key with several complaints is named once."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_input=False, include_url=False):
        problem = _problem(settings, detail)
        found.setdefault(problem.key, problem)
    return list(found.values())


def _problem(settings: type[BaseModel], detail: ErrorDetails) -> Problem:
    location = [part for part in detail["loc"] if isinstance(part, str)]
    name, field = _field(settings, location[0] if location else "")
    secret = field is not None and (is_secret_name(name) or _holds_secret(field.annotation))
    return Problem(_key(settings, name, field, location[1:]), _what(detail, secret), _remedy(detail, field, secret))


def _field(settings: type[BaseModel], name: str) -> tuple[str, FieldInfo | None]:
    """Pydantic names a field by its alias where it has one."""
    for known, field in settings.model_fields.items():
        if name == known or name in _aliases(field):
            return known, field
    return name, None


def _aliases(field: FieldInfo) -> list[str]:
    alias = field.validation_alias or field.alias
    if isinstance(alias, AliasChoices):
        return [choice for choice in alias.choices if isinstance(choice, str)]
    return [alias] if isinstance(alias, str) else []


def _key(settings: type[BaseModel], name: str, field: FieldInfo | None, inner: list[str]) -> str:
    """As it is written in the environment."""
    if field is None:
        return name.upper()
    prefix = str(settings.model_config.get("env_prefix") or "")
    aliases = _aliases(field)
    key = " or ".join(aliases) if aliases else f"{prefix}{name}"
    delimiter = settings.model_config.get("env_nested_delimiter")
    if inner and _is_model(field.annotation):
        return (str(delimiter).join([key, *inner]) if delimiter else f"{key} ({'.'.join(inner)})").upper()
    return key.upper()


def _is_model(annotation: Any) -> bool:
    return any(isinstance(kind, type) and issubclass(kind, BaseModel) for kind in (annotation, *get_args(annotation)))


def _holds_secret(annotation: Any) -> bool:
    kinds = (annotation, *get_args(annotation))
    return any(isinstance(kind, type) and issubclass(kind, SecretStr | SecretBytes) for kind in kinds)


def _what(detail: ErrorDetails, secret: bool) -> str:
    """What a validator of the app says about a secret may quote it, so it is not repeated."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in WHAT:
        return WHAT[kind].format_map(context)
    if secret and kind != "twelve_url":
        return "is not accepted"
    said = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return said if kind == "twelve_url" else f"is wrong ({said})"


def _remedy(detail: ErrorDetails, field: FieldInfo | None, secret: bool) -> str:
    if field is None:
        return "change one of them"
    about = f" ({field.description.strip().rstrip('.')})" if field.description else ""
    example = f", for example {field.examples[0]}" if field.examples and not secret else ""
    verb = "set it" if detail["type"] == "missing" else "correct it"
    return f"{verb}{about}{example}{_default(field, secret)}"


def _default(field: FieldInfo, secret: bool) -> str:
    if field.is_required() or field.default is None or field.default_factory is not None:
        return ""
    return ", or unset it for its default" + ("" if secret else f" {field.default}")
