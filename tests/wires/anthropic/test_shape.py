"""The shape of an answer for hosts of this wire: asked for natively, as the input of a tool, or in words."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.event import TextDelta
from podium.vocabulary.part import Text, plain_text
from podium.vocabulary.request import Line, Request, Schema, Tool
from podium.wires.member import raw
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Outgoing
from tests.wires.anthropic.streams import WIRE, answer, call, read, stream

ENDPOINT = Endpoint("host", "anthropic", "http://host.invalid", api_key="k")
PROFILE = Profile("host", "claude-1")
USER = {"role": "user", "content": "hi"}
F = Tool("f")


def out(request: Request, profile: Profile = PROFILE) -> tuple[dict[str, Any], Outgoing]:
    outgoing = WIRE.write_request(request, profile, ENDPOINT)
    return json.loads(outgoing.body), outgoing


def asked(**members: Any) -> Request:
    """A request of an OpenAI client."""
    return OpenAIChat().read_request({}, json.dumps({"model": "m", "messages": [USER], **members}).encode())


def lines(*given: Line, **fields: Any) -> Request:
    return Request(model="m", lines=given, **fields)


def user(*parts: str) -> Line:
    return Line("user", tuple(Text(part) for part in parts))


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
CLOSED = {**SCHEMA, "additionalProperties": False}


def shaped(schema: dict[str, Any], **members: Any) -> Request:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    return asked(response_format=form, **members)


def test_a_schema_is_asked_for_natively_where_the_profile_says_so() -> None:
    body, outgoing = out(shaped(CLOSED), Profile("host", "m", native_schema=True))
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": CLOSED}}
    assert "tools" not in body
    assert outgoing.dropped == ()


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        {**SCHEMA, "additionalProperties": True},
        {**CLOSED, "properties": {"a": {"type": "integer", "minimum": 1}}},
        {**CLOSED, "$defs": {"b": {"type": ["object", "null"]}}},
    ],
)
def test_a_schema_that_no_host_of_this_wire_can_hold_to_is_a_tool_all_the_same(
    schema: dict[str, Any],
) -> None:
    body, outgoing = out(shaped(schema), Profile("host", "m", native_schema=True))
    (tool,) = body["tools"]
    assert tool["input_schema"] == schema
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    assert "output_config" not in body
    assert outgoing.dropped == ()


def test_a_model_that_cannot_be_made_to_call_a_tool_is_asked_for_the_shape_with_notice() -> None:
    free = Profile("host", "m", native_schema=True, forced_choice=False)
    body, outgoing = out(shaped(SCHEMA), free)
    assert body["output_config"]["format"]["schema"] == CLOSED
    assert outgoing.dropped == ("response_format",)
    bounded = {**CLOSED, "properties": {"a": {"type": "integer", "minimum": 1}}}
    body, outgoing = out(shaped(bounded), free)
    assert json.dumps(bounded).replace(" ", "") in body["system"].replace(" ", "")
    assert outgoing.dropped == ("response_format",)
    messages = [{"role": "system", "content": "Be brief."}, USER]
    body, outgoing = out(asked(messages=messages, response_format={"type": "json_object"}), free)
    assert body["system"][0]["text"] == "Be brief."
    assert "JSON object" in body["system"][1]["text"]
    assert outgoing.dropped == ("response_format",)
    assert "tools" not in body


def test_a_shape_that_another_dialect_alone_knows_is_refused() -> None:
    with pytest.raises(Inexpressible) as refused:
        out(asked(response_format={"type": "grammar", "grammar": "x"}))
    assert refused.value.param == "response_format"


def test_a_schema_is_else_a_forced_tool_whose_call_is_the_answers_text() -> None:
    request = asked(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}})
    body, _ = out(request)
    (tool,) = body["tools"]
    assert tool["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": tool["name"]}
    got = answer(stream(call('{"a"', ": 1}", name=tool["name"]), reason="tool_use")).choices[0]
    assert (plain_text(got.parts), got.finish) == ('{"a": 1}', "stop")
    deltas = read(stream(call('{"a"', ": 1}", name=tool["name"]), reason="tool_use"))
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ['{"a"', ": 1}"]


def test_a_schema_whose_root_is_no_object_is_boxed_and_unboxed() -> None:
    request = lines(user("hi"), schema=Schema(schema=raw({"type": "array", "items": {"type": "integer"}})))
    body, _ = out(request)
    (tool,) = body["tools"]
    assert tool["input_schema"]["properties"]["answer"]["type"] == "array"
    got = answer(stream(call('{"answer": [1,', " 2]}", name=tool["name"]), reason="tool_use")).choices[0]
    assert (plain_text(got.parts), got.finish) == ("[1, 2]", "stop")


def test_beside_tools_of_the_clients_one_of_all_must_be_called() -> None:
    request = lines(user("hi"), tools=(F,), schema=Schema(schema=raw(SCHEMA)))
    body, _ = out(request)
    assert body["tool_choice"] == {"type": "any"}
    assert [tool["name"] for tool in body["tools"]] == ["f", "podium_answer"]
    got = answer(stream(call("{}", name="f"), reason="tool_use")).choices[0]
    assert got.finish == "tool_calls"
