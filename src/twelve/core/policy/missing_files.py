"""The files `init` proposes to a codebase that lacks them: Procfile, .env.example, app.json."""

import json
from collections.abc import Mapping

from twelve.core.model import AppManifest
from twelve.core.policy import propose, services
from twelve.core.policy.environment import GIVEN
from twelve.core.policy.propose import CodebaseFacts

_EXAMPLE_HEAD = "# The config this app reads. Copy to .env for development and fill in; lines with # are optional.\n"


def missing_files(facts: CodebaseFacts, types: Mapping[str, str] | None = None) -> dict[str, str]:
    """File name -> text, only for files that are not there. `types` are those of a Procfile that is there."""
    types = types or propose.process_types(facts)
    proposals = {
        "Procfile": procfile_text(types),
        ".env.example": env_example_text(facts),
        "app.json": app_json_text(facts, types),
    }
    return {name: text for name, text in proposals.items() if text and name not in facts.files}


def procfile_text(types: Mapping[str, str]) -> str:
    return "".join(f"{type_}: {command}\n" for type_, command in types.items())


def env_example_text(facts: CodebaseFacts) -> str:
    """A key the code cannot do without as `KEY=`, one it has a default for commented out."""
    needed = [_entry(key, where, "") for key, where in facts.required_keys.items() if key not in GIVEN]
    optional = [
        _entry(key, where, "#")
        for key, where in facts.optional_keys.items()
        if key not in GIVEN and key not in facts.required_keys
    ]
    return "\n".join([_EXAMPLE_HEAD, *needed, *optional]) if needed or optional else ""


def app_json_text(facts: CodebaseFacts, types: Mapping[str, str]) -> str:
    """Name, add-ons and formation; nothing when there is neither an add-on nor a process to write down."""
    addons = [_addon(want) for want in services.wanted(AppManifest(), facts.required_keys)]
    formation = {type_: {"quantity": 1} for type_ in types if type_ != "release"}
    parts = {"name": facts.name, "addons": addons, "formation": formation}
    document = {key: value for key, value in parts.items() if value}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n" if addons or formation else ""


def _entry(key: str, where: str, mark: str) -> str:
    service = services.attachment_for(key)
    origin = f"# {where}" + (f", set by the attached {service[0]}" if service and not mark else "")
    return f"{origin}\n{mark}{key}=\n"


def _addon(want: services.Want) -> str | dict[str, str]:
    name = services.attachment_name(want.provider)
    return want.provider if want.attachment == name else {"plan": want.provider, "as": want.attachment}
