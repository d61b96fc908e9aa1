"""Conversations in which clients leave something out, on their way to a host of this wire."""

import json
from typing import Any

import pytest

from podium.errors import Inexpressible
from podium.vocabulary.request import Request
from podium.wires.anthropic import Anthropic
from podium.wires.call_id import paired
from podium.wires.openai_chat import OpenAIChat
from tests.wires.gemini.streams import WIRE
from tests.wires.gemini.test_requests import ENDPOINT, PROFILE, out_of_openai, read, written


def test_results_with_neither_ids_nor_names_are_named_after_their_calls_in_order() -> None:
    calls = [{"id": "", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "fgh"]
    results = [{"role": "tool", "tool_call_id": "", "content": each} for each in "FG"]
    messages = [{"role": "assistant", "content": None, "tool_calls": calls}, *results]
    parts = written(out_of_openai({"messages": messages}))["contents"][1]["parts"]
    assert [part["functionResponse"]["name"] for part in parts] == ["f", "g"]


@pytest.mark.parametrize("arguments", ["{broken", "[1,2]"])
def test_arguments_that_are_no_object_are_named_by_the_clients_path(arguments: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "ok"},
    ]
    outgoing = WIRE.write_request(out_of_openai({"messages": messages}), PROFILE, ENDPOINT)
    assert outgoing.dropped == ("messages[1].tool_calls[0].function.arguments",)


def out_of_anthropic(**members: Any) -> Request:
    sent = {"model": "c", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **members}
    return Anthropic().read_request({}, json.dumps(sent).encode())


def test_a_conversation_in_which_nothing_is_said_is_refused_by_the_clients_own_name() -> None:
    with pytest.raises(Inexpressible) as refused:
        WIRE.write_request(out_of_anthropic(messages=[{"role": "user", "content": []}]), PROFILE, ENDPOINT)
    assert refused.value.param == "messages"


def test_a_way_of_thinking_that_nobody_knows_is_named() -> None:
    for wire in (WIRE, OpenAIChat()):
        for kind, dropped in (("dreaming", ("thinking.type",)), ("adaptive", ())):
            request = out_of_anthropic(thinking={"type": kind})
            assert wire.write_request(request, PROFILE, ENDPOINT).dropped == dropped


def test_a_result_of_another_name_belongs_to_the_call_that_waits() -> None:
    contents = [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "default_api:f", "response": {"r": 1}}}]},
    ]
    request = read({"contents": contents})
    call, result = request.lines[1].parts[0], request.lines[2].parts[0]
    assert list(paired([call, result])) == [(result, call)]
    assert written(request)["contents"] == contents
