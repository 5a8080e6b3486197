"""YAML as dictionaries and lists that know their lines. Nothing is constructed, and shared nodes stay shared."""

from typing import Any

import yaml

from twelve.audit.codebase import SourceFile

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Map(dict[str, Any]):
    """`lines`: of each key; `line` where it begins."""

    line: int
    lines: dict[str, int]


class Seq(list[Any]):
    line: int
    lines: list[int]


def documents(file: SourceFile) -> list[Any]:
    """Map, Seq, or str for each scalar, as written; empty when it is not YAML (a template, say)."""
    try:
        return [_value(node, {}) for node in yaml.compose_all(file.text, Loader=Loader) if node is not None]
    except (yaml.YAMLError, RecursionError, ValueError):
        return []


def _value(node: yaml.Node, known: dict[int, Any]) -> Any:
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, yaml.MappingNode):
        return _map(node, known)
    if isinstance(node, yaml.SequenceNode):
        return _seq(node, known)
    return node.value


def _map(node: yaml.MappingNode, known: dict[int, Any]) -> Map:
    made = known[id(node)] = Map()
    made.line, made.lines = _line(node), {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name == "<<":
            _merge(made, _value(value, known))
            continue
        made[name] = _value(value, known)
        made.lines[name] = _line(key)
    return made


def _merge(made: Map, other: Any) -> None:
    for one in other if isinstance(other, Seq) else [other]:
        if isinstance(one, Map) and one is not made:
            for name, value in one.items():
                made.setdefault(name, value)
                made.lines.setdefault(name, one.lines[name])


def _seq(node: yaml.SequenceNode, known: dict[int, Any]) -> Seq:
    made = known[id(node)] = Seq()
    made.line, made.lines = _line(node), []
    for one in node.value:
        made.append(_value(one, known))
        made.lines.append(_line(one))
    return made


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
