"""Made-up JSON fits the schema that it was made from, by the word of another's validator."""

from contextlib import suppress
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.errors import InvalidRequest
from podium.simulator.count import split
from podium.simulator.instance import instance
from podium.simulator.rule import read

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "friend": {"anyOf": [{"$ref": "#/$defs/P"}, {"type": "null"}]},
    },
    "required": ["name", "friend"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "string", "minLength": 10, "maxLength": 12},
        {"type": "string", "format": "date-time"},
        {"type": "string", "enum": ["b", "a"]},
        {"const": {"a": [1]}},
        {"type": ["null", "integer"], "minimum": 7},
        {"type": "integer", "exclusiveMinimum": 3, "multipleOf": 5},
        {"type": "integer", "maximum": -3},
        {"type": "number", "exclusiveMaximum": 0.25},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.1},
        {"type": "boolean"},
        {"type": "null"},
        {"type": "array", "items": {"type": "integer"}, "minItems": 3},
        {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"properties": {"a": {"type": "integer"}}, "required": ["a", "b"]},
        {
            "allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"required": ["b"]}],
            "type": "object",
        },
        {"oneOf": [{"type": "integer"}, {"type": "string"}]},
        {"$ref": "#/definitions/x~1y", "definitions": {"x/y": {"type": "integer", "minimum": 4}}},
        {**PERSON, "$defs": {"P": PERSON}},
        {"$defs": {"T": {"type": "array", "items": {"$ref": "#/$defs/T"}}}, "$ref": "#/$defs/T"},
    ],
    ids=str,
)
def test_an_instance_fits_its_schema(schema: dict[str, Any]) -> None:
    made = instance(schema)
    assert jsonschema_rs.is_valid(schema, made), made


@given(st.text())
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(split(text)) == text


@given(st.text(alphabet='[]ab= \nsaycallfault{}"', max_size=60))
def test_any_text_is_read_or_refused_with_reason(text: str) -> None:
    with suppress(InvalidRequest):
        assert read(text).rounds
