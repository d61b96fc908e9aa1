"""What other wires' hosts signed goes through OpenAI's dialect and comes back whole, never to a host of this one."""

from typing import Any

import msgspec
import pytest
from openai.lib.streaming._deltas import accumulate_delta

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.vocabulary.answer import Collector
from podium.vocabulary.event import (
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
)
from podium.vocabulary.part import Part, Reasoning, Signature, Text, ToolCall
from podium.vocabulary.request import Line, Request
from podium.wires.openai_chat import OpenAIChat

WIRE = OpenAIChat()
THINKER = Signature("anthropic", "claude-x", "c2lnbmVk")
REDACTED = Signature("anthropic", "claude-x", "cmVkYWN0ZWQ=")
CALLER = Signature("gemini", "gemini-3-pro", "Y2FsbGVk")
ENDPOINT = Endpoint("lab", "openai_chat", "http://localhost")
PARTS: tuple[Part, ...] = (
    Reasoning("Hm, well.", THINKER),
    Reasoning("", REDACTED, redacted=True),
    Text("Let me look."),
    ToolCall("call_1", "look", '{"a": 1}', signature=CALLER),
    ToolCall("call_2", "look", '{"a": 2}'),
)
DELTAS: tuple[Delta, ...] = (
    ReasoningDelta(0, "Hm, "),
    ReasoningDelta(0, "well."),
    PartDone(0, PARTS[0]),
    PartDone(1, PARTS[1]),
    TextDelta(2, "Let me look."),
    ToolCallStarted(3, "call_1", "look"),
    ToolCallDelta(3, '{"a": 1}'),
    PartDone(3, PARTS[3]),
    ToolCallCompleted(3),
    ToolCallStarted(4, "call_2", "look"),
    ToolCallDelta(4, '{"a": 2}'),
    ToolCallCompleted(4),
    Finished("tool_calls"),
)


def streamed() -> dict[Any, Any]:
    """The message as the official SDK adds it up."""
    writer = WIRE.writer(Request("m", ()), answer_id="a", created=1, model="m")
    message: dict[Any, Any] = {}
    for frame in b"".join(writer.frame(delta) for delta in DELTAS).split(b"\n\n")[:-1]:
        [choice] = msgspec.json.decode(frame.removeprefix(b"data: "))["choices"]
        message = accumulate_delta(message, choice["delta"])
    for call in message["tool_calls"]:
        del call["index"]
    return message


def whole() -> dict[Any, Any]:
    writer = WIRE.writer(Request("m", ()), answer_id="a", created=1, model="m")
    collector = Collector()
    for delta in DELTAS:
        collector.add(delta)
    [choice] = msgspec.json.decode(writer.whole(collector.answer()))["choices"]
    message: dict[Any, Any] = choice["message"]
    return message


def asked(message: dict[Any, Any]) -> Request:
    body = {"model": "m", "messages": [{"role": "user", "content": "look"}, message]}
    return WIRE.read_request({}, msgspec.json.encode(body))


@pytest.mark.parametrize("message", [streamed(), whole()], ids=["stream", "document"])
def test_what_was_signed_comes_back_as_it_was(message: dict[Any, Any]) -> None:
    assert message["reasoning_content"] == "Hm, well."
    assert [entry["type"] for entry in message["reasoning_details"]] == [
        "reasoning.text",
        "reasoning.encrypted",
    ]
    assert all(b"podium:anthropic:" in msgspec.json.encode(each) for each in message["reasoning_details"])
    sealed = message["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    assert sealed.startswith("podium:gemini:")
    assert "extra_content" not in message["tool_calls"][1]
    assert asked(message).lines[1].parts == PARTS


@pytest.mark.parametrize("message", [streamed(), whole()], ids=["stream", "document"])
def test_no_seal_goes_to_a_host_of_this_wire(message: dict[Any, Any]) -> None:
    request = asked(message)
    for lines in (request.lines, (*request.lines, Line("user", (Text("and?"),)))):
        outgoing = WIRE.write_request(
            msgspec.structs.replace(request, lines=lines), Profile("lab", "m"), ENDPOINT
        )
        assert b"podium:" not in outgoing.body
        sent = msgspec.json.decode(outgoing.body)["messages"][1]
        assert not {"reasoning_content", "reasoning_details"} & sent.keys()
        assert [call["function"]["arguments"] for call in sent["tool_calls"]] == ['{"a": 1}', '{"a": 2}']
        assert sent["content"] == "Let me look."


def test_what_hosts_of_this_wire_signed_themselves_goes_back_to_them_untouched() -> None:
    message = {
        "role": "assistant",
        "content": None,
        "reasoning": "Hm.",
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "1", "index": 0}],
        "tool_calls": [
            {
                "id": "1",
                "type": "function",
                "function": {"name": "look", "arguments": "{}"},
                "extra_content": {"google": {"thought_signature": "Y2FsbGVk", "x": 1}, "y": 2},
            }
        ],
    }
    request = asked(message)
    outgoing = WIRE.write_request(request, Profile("lab", "m"), ENDPOINT)
    assert msgspec.json.decode(outgoing.body)["messages"][1] == message
    anew = msgspec.structs.replace(request, source=None)
    sent = msgspec.json.decode(WIRE.write_request(anew, Profile("lab", "m"), ENDPOINT).body)["messages"][1]
    assert sent == message


def test_a_signature_of_googles_own_endpoint_is_geminis() -> None:
    call = {
        "id": "1",
        "type": "function",
        "function": {"name": "look", "arguments": "{}"},
        "extra_content": {"google": {"thought_signature": "Y2FsbGVk"}},
    }
    [part] = asked({"role": "assistant", "tool_calls": [call]}).lines[1].parts
    assert isinstance(part, ToolCall)
    assert part.signature == Signature("gemini", "", "Y2FsbGVk")
