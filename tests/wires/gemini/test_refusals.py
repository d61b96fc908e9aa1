"""Requests that are refused: what is wrong with them is named by its path."""

import json
from typing import Any

import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import Inexpressible, InvalidRequest
from podium.wires.anthropic import Anthropic
from tests.wires.gemini.streams import WIRE

USER = {"role": "user", "parts": [{"text": "hi"}]}
PATH = {"model": "m", "action": "generateContent"}


def said(part: Any) -> dict[str, Any]:
    return {"contents": [USER, {"role": "model", "parts": [{"text": "x"}, part]}]}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": None}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [USER, 7]}, "contents[1]"),
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
            {"toolConfig": {"functionCallingConfig": {"mode": 7}}},
            "toolConfig.functionCallingConfig.mode",
        ),
        ({"generationConfig": 7}, "generationConfig"),
        ({"generationConfig": {"temperature": "hot"}}, "generationConfig.temperature"),
        ({"generationConfig": {"maxOutputTokens": 0}}, "generationConfig.maxOutputTokens"),
        ({"generation_config": {"max_output_tokens": 1.5}}, "generationConfig.maxOutputTokens"),
        ({"generationConfig": {"candidateCount": 1.5}}, "generationConfig.candidateCount"),
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


# ── what hosts of other wires cannot be told ────────────────────────────────────────────────────────────────────────

MODEL = {"role": "model", "parts": [{"text": "x"}]}
FILM = {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}
SOUND = {"inlineData": {"mimeType": "audio/wav", "data": "AAAA"}}
STORED = {"fileData": {"fileUri": "gs://bucket/x.png", "mimeType": "image/png"}}
RESULT = {"functionResponse": {"name": "f", "response": {"output": "1"}}}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"contents": [{"role": "user", "parts": [{"text": "a"}, FILM]}]}, "contents[0].parts[1]"),
        ({"contents": [USER, MODEL, MODEL, {"parts": [{"text": "a"}, SOUND]}]}, "contents[3].parts[1]"),
        ({"contents": [USER, MODEL, {"role": "user", "parts": [RESULT, STORED]}]}, "contents[2].parts[1]"),
        (
            {"systemInstruction": {"parts": [{"text": "a"}]}, "contents": [{"parts": [{"new": {}}]}]},
            "contents[0].parts[0]",
        ),
        ({"system_instruction": {"parts": [{"text": "a"}, FILM]}}, "system_instruction.parts[1]"),
        (
            {"tools": [{"functionDeclarations": [{"name": "f"}]}, {"googleSearch": {}}]},
            "tools[1].googleSearch",
        ),
        ({"generationConfig": {"temperature": 1.5}}, "generationConfig.temperature"),
        ({"generationConfig": {"candidateCount": 2}}, "generationConfig.candidateCount"),
        ({"generationConfig": {"responseLogprobs": True}}, "generationConfig.responseLogprobs"),
        ({"generationConfig": {"responseModalities": ["AUDIO"]}}, "generationConfig.responseModalities"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
            "toolConfig.functionCallingConfig",
        ),
        ({"cachedContent": "cachedContents/1"}, "cachedContent"),
    ],
)
def test_what_a_host_of_another_wire_cannot_be_told_is_named_by_its_path(
    members: dict[str, Any], param: str
) -> None:
    request = WIRE.read_request(PATH, json.dumps({"contents": [USER], **members}).encode())
    with pytest.raises(Inexpressible) as refused:
        Anthropic().write_request(request, Profile("e", "claude-x"), Endpoint("e", "anthropic", "http://e"))
    assert refused.value.param == param


def test_what_is_dropped_on_the_way_to_another_wire_is_named_by_its_path() -> None:
    sent = {
        "contents": [USER, MODEL, MODEL],
        "generationConfig": {"seed": 3, "thinkingConfig": {"thinkingBudget": 5_000}, "topK": 4},
        "safetySettings": [{"category": "X", "threshold": "OFF"}],
    }
    request = WIRE.read_request(PATH, json.dumps(sent).encode())
    outgoing = Anthropic().write_request(
        request, Profile("e", "claude-x"), Endpoint("e", "anthropic", "http://e")
    )
    assert outgoing.dropped == (
        "safetySettings",
        "contents[1]",
        "generationConfig.seed",
        "generationConfig.topK",
    )
