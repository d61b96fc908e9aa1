"""Google's own schema language into JSON schema.

It writes types in upper case and whole numbers as strings, and names references `ref`
(https://ai.google.dev/api/caching#Schema). `nullable` and `propertyOrdering` stay as they are.
"""

from typing import Any

from msgspec import Raw

from podium.wires.gemini.member import camel_name
from podium.wires.member import BROKEN, decode_any, raw

_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
_NAMED = ("properties", "patternProperties", "$defs", "defs", "definitions")
_ONE = ("items", "additionalProperties", "not")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_WHOLE = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_SNAKE = {"any_of", "prefix_items", "property_ordering", "additional_properties"} | {
    "min_items",
    "max_items",
    "min_length",
    "max_length",
    "min_properties",
    "max_properties",
}


def json_schema(schema: Raw) -> Raw:
    """The schema with its types in lower case; one that is JSON schema already stays as it came."""
    try:
        given = decode_any(schema)
        lowered = _lowered(given)
    except BROKEN:
        return schema
    return schema if lowered == given else raw(lowered)


def _lowered(schema: Any) -> Any:  # noqa: ANN401 - a schema may hold anything
    if not isinstance(schema, dict):
        return schema
    lowered: dict[str, Any] = {}
    for key, value in schema.items():
        name = camel_name(key) if key in _SNAKE else key
        if name == "type":
            if value != "TYPE_UNSPECIFIED":
                lowered[name] = _type(value)
        elif name == "ref" and isinstance(value, str) and value.startswith("#"):
            lowered["$ref"] = value
        else:
            lowered[name] = _value(name, value)
    return lowered


def _value(name: str, value: Any) -> Any:  # noqa: ANN401 - the same
    if name in _NAMED and isinstance(value, dict):
        return {key: _lowered(each) for key, each in value.items()}
    if name in _ONE:
        return _lowered(value)
    if name in _MANY and isinstance(value, list):
        return [_lowered(each) for each in value]
    if name in _WHOLE and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _type(value: Any) -> Any:  # noqa: ANN401 - the same
    if isinstance(value, list):
        return [_type(each) for each in value]
    return value.lower() if isinstance(value, str) and value in _TYPES else value
