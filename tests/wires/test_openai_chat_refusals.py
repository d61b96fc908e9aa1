"""Requests that are refused: what is wrong with them is named by its path."""

import json
from typing import Any

import pytest

from podium.errors import InvalidRequest
from tests.wires.streams import WIRE

USER = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"model": 7}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [USER, 7]}, "messages[1]"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": 7, "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        (
            {"messages": [USER, USER, {"role": "user", "content": [{"text": "x"}]}]},
            "messages[2].content[0].type",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            "messages[0].content[0].file",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "A"}}]}
                ]
            },
            "messages[0].content[0].input_audio.format",
        ),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": 7}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": "x"}}]},
            "tools[0].function.parameters",
        ),
        ({"tool_choice": 7}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": 1.5}, "max_completion_tokens"),
        ({"n": 1.5}, "n"),
        ({"stop": [1]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": {"include_usage": 1}, "stream": True}, "stream_options.include_usage"),
        ({"logit_bias": []}, "logit_bias"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        WIRE.read_request({}, json.dumps({"model": "m", "messages": [USER], **members}).encode())
    assert refused.value.param == param
    assert param in refused.value.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"model":',
        b'{"model":"\xff"}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"m","messages":[],"x":"\\uD83D"}',
        b'{"a":' * 100_000,
        b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_bodies_that_are_no_sound_json_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        WIRE.read_request({}, body)


def test_half_of_a_surrogate_pair_is_called_what_it_is() -> None:
    with pytest.raises(InvalidRequest, match="half of a surrogate pair"):
        WIRE.read_request({}, b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')
    with pytest.raises(InvalidRequest, match="not JSON"):
        WIRE.read_request({}, b'{"model":"\\ud800')
