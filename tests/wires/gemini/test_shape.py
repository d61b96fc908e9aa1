"""The shape of an answer for hosts of this wire: asked for as JSON schema, or as a tool where there are tools."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible
from podium.vocabulary.part import plain_text
from podium.vocabulary.request import Request
from podium.wires.openai_chat import OpenAIChat
from tests.wires.gemini.streams import WIRE, stream, whole
from tests.wires.gemini.streams import answer as collected

ENDPOINT = Endpoint(name="e", wire="gemini", base_url="http://e", api_key="k")
NEWER = Profile("e", "gemini-3-flash-preview")
SHAPE = {"type": "object", "properties": {"a": {"type": "integer"}}}
EITHER = Profile("e", "gemini-2.5-flash", schema_with_tools=False)


def written(request: Request, profile: Profile = NEWER) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(WIRE.write_request(request, profile, ENDPOINT).body)
    return body


def out_of_openai(members: dict[str, Any]) -> Request:
    sent = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}
    return OpenAIChat().read_request({}, json.dumps(sent).encode())


def shaped(schema: dict[str, Any], **members: Any) -> Request:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    return out_of_openai({"tools": [tool], "response_format": form, **members})


def test_a_schema_beside_tools_is_one_of_them_where_the_model_takes_only_either() -> None:
    body = written(shaped(SHAPE), EITHER)
    (declared,) = body["tools"]
    client, answer = declared["functionDeclarations"]
    assert (client["name"], answer["parametersJsonSchema"]) == ("f", SHAPE)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}
    assert "generationConfig" not in body
    said = collected(stream({"functionCall": {"name": answer["name"], "args": {"a": 1}}})).choices[0]
    assert (plain_text(said.parts), said.finish) == ('{"a": 1}', "stop")
    called = collected(stream({"functionCall": {"name": "f", "args": {}}})).choices[0]
    assert called.finish == "tool_calls"


def test_a_schema_whose_root_is_no_object_is_boxed_in_the_tool_and_unboxed() -> None:
    body = written(shaped({"type": "array", "items": {"type": "integer"}}), EITHER)
    answer = body["tools"][0]["functionDeclarations"][1]
    assert answer["parametersJsonSchema"]["properties"]["answer"]["type"] == "array"
    said = collected(whole({"functionCall": {"name": answer["name"], "args": {"answer": [1, 2]}}}))
    assert json.loads(plain_text(said.choices[0].parts)) == [1, 2]


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        ("auto", "ANY", None),
        ("none", "ANY", ["podium_answer"]),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
            "ANY",
            ["f", "podium_answer"],
        ),
    ],
)
def test_the_tool_of_the_answer_joins_those_that_may_be_called(
    choice: object, mode: str, names: list[str] | None
) -> None:
    config = written(shaped(SHAPE, tool_choice=choice), EITHER)["toolConfig"]["functionCallingConfig"]
    assert (config["mode"], config.get("allowedFunctionNames")) == (mode, names)


def test_a_tool_that_must_be_called_leaves_no_text_to_be_shaped() -> None:
    body = written(shaped(SHAPE, tool_choice="required"), EITHER)
    assert [each["name"] for each in body["tools"][0]["functionDeclarations"]] == ["f"]
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "ANY"}}


def test_schema_and_tools_go_side_by_side_where_the_model_takes_both_and_in_its_own_dialect() -> None:
    body = written(shaped(SHAPE), NEWER)
    assert body["generationConfig"]["responseJsonSchema"] == SHAPE
    assert "toolConfig" not in body
    own = {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [{"name": "f"}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}},
    }
    path = {"model": "m", "action": "generateContent"}
    assert written(WIRE.read_request(path, json.dumps(own).encode()), EITHER) == own


def test_a_shape_that_another_dialect_alone_knows_is_refused() -> None:
    with pytest.raises(Inexpressible) as refused:
        written(out_of_openai({"response_format": {"type": "grammar", "grammar": "x"}}))
    assert refused.value.param == "response_format"


def test_a_cap_beyond_what_the_model_can_say_is_what_it_can_and_a_seed_that_is_too_large_is_named() -> None:
    profile = Profile("e", "gemini-2.5-flash", output_limit=65_536)
    request = out_of_openai({"max_completion_tokens": 128_000, "seed": 1 << 40})
    outgoing = WIRE.write_request(request, profile, ENDPOINT)
    assert json.loads(outgoing.body)["generationConfig"] == {"maxOutputTokens": 65_536}
    assert outgoing.dropped == ("max_completion_tokens", "seed")


def test_what_is_said_of_a_shape_is_named_where_it_has_no_place() -> None:
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": SHAPE, "description": "A number."}}
    outgoing = WIRE.write_request(out_of_openai({"response_format": form}), NEWER, ENDPOINT)
    assert outgoing.dropped == ("response_format.json_schema.description",)
    tool = {"type": "function", "function": {"name": "f"}}
    outgoing = WIRE.write_request(out_of_openai({"response_format": form, "tools": [tool]}), EITHER, ENDPOINT)
    answer = json.loads(outgoing.body)["tools"][0]["functionDeclarations"][1]
    assert answer["description"].endswith("A number.")
