"""Requests that are refused: what is wrong with them is named by its path."""

import json
from typing import Any

import pytest

from podium.errors import InvalidRequest
from tests.wires.gemini.streams import WIRE

USER = {"role": "user", "parts": [{"text": "hi"}]}
PATH = {"model": "m", "action": "generateContent"}


def said(part: Any) -> dict[str, Any]:
    return {"contents": [USER, {"role": "model", "parts": [{"text": "x"}, part]}]}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": None}, "contents"),
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [USER, 7]}, "contents[1]"),
        ({"contents": [{"role": "robot", "parts": []}]}, "contents[0].role"),
        ({"contents": [{"role": 7}]}, "contents[0].role"),
        ({"contents": [{"parts": "hi"}]}, "contents[0].parts"),
        (said(7), "contents[1].parts[1]"),
        (said({}), "contents[1].parts[1]"),
        (said({"text": 7}), "contents[1].parts[1].text"),
        (said({"text": "x", "thoughtSignature": 7}), "contents[1].parts[1].thoughtSignature"),
        (said({"functionCall": 7}), "contents[1].parts[1].functionCall"),
        (said({"functionCall": {}}), "contents[1].parts[1].functionCall.name"),
        (said({"functionCall": {"name": "f", "args": []}}), "contents[1].parts[1].functionCall.args"),
        (said({"functionCall": {"name": "f", "id": 7}}), "contents[1].parts[1].functionCall.id"),
        (said({"functionResponse": {"response": {}}}), "contents[1].parts[1].functionResponse.name"),
        (
            said({"functionResponse": {"name": "f", "response": "x"}}),
            "contents[1].parts[1].functionResponse.response",
        ),
        ({"systemInstruction": "Be brief."}, "systemInstruction"),
        ({"systemInstruction": {"parts": [{}]}}, "systemInstruction.parts[0]"),
        ({"tools": "x"}, "tools"),
        ({"tools": [7]}, "tools[0]"),
        ({"tools": [{"functionDeclarations": 7}]}, "tools[0].functionDeclarations"),
        ({"tools": [{"functionDeclarations": [{}]}]}, "tools[0].functionDeclarations[0].name"),
        (
            {"tools": [{"function_declarations": [{"name": "f", "parameters": "x"}]}]},
            "tools[0].function_declarations[0].parameters",
        ),
        ({"toolConfig": 7}, "toolConfig"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "maybe"}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        ({"generationConfig": 7}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "generationConfig.maxOutputTokens"),
        ({"generation_config": {"max_output_tokens": 1.5}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"candidateCount": 0}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"stopSequences": "x"}}, "generationConfig.stopSequences"),
        ({"generationConfig": {"responseSchema": 7}}, "generationConfig.responseSchema"),
        ({"generationConfig": {"responseJsonSchema": 7}}, "generationConfig.responseJsonSchema"),
        ({"generationConfig": {"responseMimeType": 7}}, "generationConfig.responseMimeType"),
        (
            {"generationConfig": {"thinkingConfig": {"thinkingBudget": "x"}}},
            "generationConfig.thinkingConfig.thinkingBudget",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_path(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        WIRE.read_request(PATH, json.dumps({"contents": [USER], **members}).encode())
    assert refused.value.param == param
    assert param in refused.value.message


def test_an_action_that_is_not_there_is_told_so() -> None:
    with pytest.raises(InvalidRequest, match="embedContent"):
        WIRE.read_request({"model": "m", "action": "embedContent"}, json.dumps({"contents": [USER]}).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"contents":',
        b'{"contents":"\xff"}',
        b'{"contents":[{"parts":[{"text":"\\ud800"}]}]}',
        b'{"a":' * 100_000,
        b'{"contents":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_bodies_that_are_no_sound_json_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        WIRE.read_request(PATH, body)
