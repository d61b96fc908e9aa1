"""The part of JSON schema that this wire's hosts hold an answer to: objects are closed, values have no bounds.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations.
"""

from typing import Any

from msgspec import Raw

from podium.wires.member import BROKEN, decode_any, raw

_NAMED = ("properties", "$defs", "definitions")
_BOUNDS = frozenset(
    {
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minLength",
        "maxLength",
        "maxItems",
        "uniqueItems",
        "patternProperties",
        "not",
        "if",
    }
)


class _Open(Exception):
    """The schema is not of this part."""


def closed(schema: Raw) -> Raw | None:
    """The schema with every object closed that does not say whether it is; None if it cannot be closed.

    The same object comes back where nothing had to be done.
    """
    try:
        given = decode_any(schema)
        shut = _closed(given)
    except (_Open, *BROKEN):
        return None
    return schema if shut == given else raw(shut)


def is_closed(schema: Raw | None) -> bool:
    """Whether hosts of this wire can hold an answer, or a call's input, to the schema as it is."""
    return schema is not None and closed(schema) is schema


def _closed(schema: Any) -> Any:  # noqa: ANN401 - a schema may hold anything
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if not _BOUNDS.isdisjoint(schema) or (schema.get("minItems") or 0) not in (0, 1):
        raise _Open
    shut: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _NAMED and isinstance(value, dict):
            shut[name] = {key: _closed(each) for key, each in value.items()}
        elif name in ("items", "anyOf", "allOf", "oneOf", "prefixItems"):
            shut[name] = _closed(value)
        else:
            shut[name] = value
    kinds = schema.get("type")
    if kinds == "object" or (isinstance(kinds, list) and "object" in kinds) or "properties" in schema:
        if schema.get("additionalProperties", False) is not False:
            raise _Open
        shut["additionalProperties"] = False
    return shut
