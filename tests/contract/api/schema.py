"""The published schema of the Platform API as a judge of every request and answer of these tests."""

import copy
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from jsonschema import Draft4Validator, FormatChecker

FILE = Path(__file__).parents[4] / "shared" / "data" / "platform-api.schema.json"
ABSENT = f"the published schema of the Platform API is not at {FILE}"

OURS = (  # routes of twelve's own, and those clients use although the schema lacks them
    r"/_\w+/.*",
    r"/apps/[^/]+/actions/(stop|start)",
    r"/addons/[^/]+(/mails)?",
    r"/apps/[^/]+/metrics",
    r"/apps/[^/]+/model-(aliases|promotions)(/.*)?",
    r"/apps/[^/]+/(retrainings|rollouts|schedules)(/.*)?",
    r"/apps/[^/]+/candidates",
    r"/apps/[^/]+/log-drains/\w+://.*",
)

SERVED = (
    "account", "add-on", "add-on-attachment", "add-on-service", "app", "build", "domain", "dyno", "dyno-size", "formation",
    "log-drain", "log-session", "plan", "rate-limit", "region", "release", "slug", "source", "stack",
)  # fmt: skip

formats = FormatChecker(formats=())


@formats.checks("uuid")
def is_uuid(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) is not None


@formats.checks("date-time")
def is_time(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None


@formats.checks("email")
def is_email(value: object) -> bool:
    return not isinstance(value, str) or "@" in value


@dataclass(frozen=True)
class Link:
    method: str
    path: re.Pattern[str]
    request: dict[str, Any] | None
    answer: dict[str, Any]


class Contract:
    def __init__(self, document: dict[str, Any]) -> None:
        self.definitions = relaxed(document)["definitions"]
        self.links = [
            self._link(definition, link)
            for definition in self.definitions.values()
            for link in definition.get("links", ())
        ]

    def check(self, method: str, path: str, body: Any, answer: Any) -> None:
        """Of the links that match, the one that fits best must fit completely. A body of None is not looked at."""
        links = [link for link in self.links if link.method == method and link.path.fullmatch(path)]
        if not links:
            assert any(re.fullmatch(ours, path) for ours in OURS), f"{method} {path} is in no contract"
            return
        found = min((self._problems(link, body, answer) for link in links), key=len)
        assert not found, f"{method} {path} breaks the contract:\n" + "\n".join(found)

    def _problems(self, link: Link, body: Any, answer: Any) -> list[str]:
        request = [] if None in (link.request, body) else self._errors("request", link.request, body)
        return request + self._errors("answer", link.answer, answer)

    def _errors(self, what: str, schema: dict[str, Any], value: Any) -> list[str]:
        whole = {"definitions": self.definitions, "allOf": [schema]}
        errors = Draft4Validator(whole, format_checker=formats).iter_errors(value)
        return [f"  {what} {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]

    def _link(self, definition: dict[str, Any], link: dict[str, Any]) -> Link:
        own = {key: value for key, value in definition.items() if key != "links"}
        default = {"type": "array", "items": own} if link.get("rel") == "instances" else own
        path = re.sub(r"\\{.*?\\}", "[^/]+", re.escape(unquote(link["href"])))
        return Link(link["method"], re.compile(path), link.get("schema"), link.get("targetSchema", default))


def relaxed(document: dict[str, Any]) -> dict[str, Any]:
    """Without what is true of Heroku's own hosts alone, with what real clients send beyond the schema.

    In one way it is stricter: an answer has every property of its definition, as clients read more than the schema asks for.
    """
    document = copy.deepcopy(document)
    definitions = document["definitions"]
    for served in SERVED:
        definitions[served]["required"] = list(definitions[served]["properties"])
    del definitions["app"]["definitions"]["git_url"]["pattern"]
    del definitions["app"]["definitions"]["web_url"]["pattern"]
    del definitions["region"]["definitions"]["provider"]["properties"]["region"]["enum"]
    definitions["add-on-attachment"]["properties"]["addon"].pop("additionalProperties")
    quantity = definitions["formation"]["definitions"]["quantity"]
    quantity["type"] = ["integer", "string"]
    definitions["formation"]["definitions"]["update"].pop("additionalProperties", None)
    return document


def load() -> Contract | None:
    """None without the file; but where it must be there, its absence is a failure."""
    if FILE.is_file():
        return Contract(json.loads(FILE.read_text()))
    if os.environ.get("CI") == "true":
        pytest.fail(ABSENT)
    return None
