"""Tools as OpenAI's models read them: a namespace of TypeScript.

The rendering is unpublished; it was found out by people who compared counts, see
https://github.com/hmarr/openai-chat-tokens. What a schema says beyond it is left out there too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from podium.vocabulary.request import Tool

_DEEPEST = 20
"""Levels of a schema that are read; below them `any` is as good."""

_PLAIN = {"string": "string", "number": "number", "integer": "number", "boolean": "boolean", "null": "null"}


def declared(tools: Iterable[Tool]) -> str:
    """The tools' names, descriptions and parameters as one text."""
    lines = ["namespace functions {", ""]
    for tool in tools:
        lines += _tool(tool)
    return "\n".join([*lines, "} // namespace functions"])


def _tool(tool: Tool) -> Iterator[str]:
    if tool.description:
        yield f"// {tool.description}"
    schema = _read(tool)
    properties = list(_properties(schema, 0))
    if properties:
        yield f"type {tool.name} = (_: {{"
        yield from properties
        yield "}) => any;"
    else:
        yield f"type {tool.name} = () => any;"
    yield ""


def _read(tool: Tool) -> Mapping[str, Any]:
    if tool.parameters is None:
        return {}
    try:
        schema = msgspec.json.decode(tool.parameters)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return schema if isinstance(schema, dict) else {}


def _properties(schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        if not isinstance(each, dict):
            continue
        if each.get("description"):
            yield f"{' ' * depth}// {each['description']}"
        mark = "" if isinstance(required, list) and name in required else "?"
        yield f"{' ' * depth}{name}{mark}: {_kind(each, depth)},"


def _kind(schema: Mapping[str, Any], depth: int) -> str:
    kind, choices = schema.get("type"), schema.get("enum")
    if isinstance(choices, list):
        return " | ".join(f'"{each}"' if isinstance(each, str) else str(each) for each in choices)
    if kind == "object" and depth < _DEEPEST:
        return "\n".join(["{", *_properties(schema, depth + 2), f"{' ' * depth}}}"])
    if kind == "array" and depth < _DEEPEST:
        items = schema.get("items")
        return f"{_kind(items, depth + 1)}[]" if isinstance(items, dict) else "any[]"
    return _PLAIN.get(kind, "any") if isinstance(kind, str) else "any"
