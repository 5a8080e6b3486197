"""What config files of frameworks attach by a constant: Spring's, Rails', Sequelize's and Prisma's."""

import re
from collections.abc import Iterator
from typing import Any

from twelve.audit.codebase import SourceFile, extraction
from twelve.audit.facts import manifests, yamls
from twelve.audit.facts.comments import in_code

_SPRING = ("application.properties", "application.yml", "application.yaml")
_SPRING_LINE = re.compile(r"^[ \t]*(?P<key>spring\.[\w.-]+)[ \t]*[=:][ \t]*(?P<value>[^\s$]\S*)[ \t]*$", re.MULTILINE)
_HOST_KEY = re.compile(r"^spring\.[\w.-]*\.?(?:host|bootstrap-servers|addresses|uris|nodes)$")
_PRISMA = re.compile(r"^[ \t]*url[ \t]*=[ \t]*\"(?P<url>[^\"\n]+)\"", re.MULTILINE)
_FILE = re.compile(r"^(?:file:|sqlite:)|\.(?:db|sqlite3?)$")
Row = tuple[int, str, bool]


@extraction(
    language=("properties", "yaml", "json", ""),
    needles=("spring", "adapter:", "hosts:", '"dialect"', "datasource "),
)
def attached(file: SourceFile) -> list[Row]:
    """(line, address or file, whether it is a database file) of what production attaches by a constant."""
    return [(line, value, bool(_FILE.search(value))) for line, value in _found(file)]


def _found(file: SourceFile) -> Iterator[tuple[int, str]]:
    if file.name in _SPRING:
        yield from _spring(file)
    elif file.path.endswith(("config/database.yml", "config/mongoid.yml")):
        for document in yamls.documents(file):
            yield from _rails(document)
    elif file.path.endswith(("config/config.json", "config/database.json")):
        yield from _sequelize(file)
    elif file.name.endswith(".prisma"):
        yield from ((line, match["url"]) for line, match in in_code(file, _PRISMA))


def _spring(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Hosts alone: addresses with a scheme are found wherever they stand."""
    if file.language == "properties":
        lines = [(line, match["key"], match["value"]) for line, match in in_code(file, _SPRING_LINE)]
    else:
        lines = [one for document in yamls.documents(file) for one in _flat(document, "")]
    yield from ((line, value) for line, key, value in lines if _HOST_KEY.match(key) and value and "$" not in value)


def _flat(node: Any, above: str) -> Iterator[tuple[int, str, str]]:
    for key, value in node.items() if isinstance(node, yamls.Map) else ():
        if isinstance(value, str):
            yield node.lines[key], f"{above}{key}", value
        else:
            yield from _flat(value, f"{above}{key}.")


def _rails(document: Any) -> Iterator[tuple[int, str]]:
    """DATABASE_URL, or a `url` of its own, takes the place of what production has."""
    own = document.get("production") if isinstance(document, yamls.Map) else None
    for group in _groups(own):
        file, host, hosts = group.get("database"), group.get("host"), group.get("hosts")
        if "url" in group or "uri" in group:
            continue
        if group.get("adapter") == "sqlite3" and isinstance(file, str) and "<%" not in file:
            yield group.lines["database"], file
        elif isinstance(host, str) and host and "<%" not in host:
            yield group.lines["host"], host
        for one in hosts if isinstance(hosts, yamls.Seq) else ():
            if isinstance(one, str) and "<%" not in one:
                yield group.lines["hosts"], one


def _groups(node: Any) -> Iterator[yamls.Map]:
    """Itself and what is in it: Rails may have several databases, Mongoid has clients."""
    if isinstance(node, yamls.Map):
        yield node
        for one in node.values():
            yield from _groups(one)


def _sequelize(file: SourceFile) -> Iterator[tuple[int, str]]:
    own = manifests.table(manifests.table(manifests.parsed_json(file)).get("production"))
    told = own.get("storage") if own.get("dialect") == "sqlite" else own.get("host")
    if "dialect" in own and "use_env_variable" not in own and isinstance(told, str) and told:
        at = file.text.find('"production"')
        line = file.text.find(f'"{told}"', at)
        yield file.line_at(max(line, at, 0)), told
