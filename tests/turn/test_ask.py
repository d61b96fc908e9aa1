"""What a turn was asked is read back from its row as it was asked; its lines are written anew."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.context.compose import compose
from podium.errors import PodiumError
from podium.journal.log import Log, read_lines
from podium.turn.ask import Ask, decode, encode
from podium.vocabulary.event import Delta, RefusalDelta, TextDelta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Wire
from tests.wires.recorded import folder

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OF_OPENAI = {
    "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello"}],
    "tools": [
        {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "wait"}},
    ],
    "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}},
    "logit_bias": {"50256": -100},
    "logprobs": True,
    "reasoning_effort": "low",
    "frobnicate": {"deep": [1, None]},
}
OF_ANTHROPIC = {
    "system": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
    "max_tokens": 100,
    "tools": [
        {"name": "look", "input_schema": SCHEMA},
        {"type": "web_search_20250305", "name": "web_search"},
    ],
    "thinking": {"type": "disabled"},
}
OF_GEMINI = {
    "systemInstruction": {"parts": [{"text": "Be kind."}]},
    "contents": [{"role": "user", "parts": [{"text": "Hello"}]}],
    "tools": [
        {"functionDeclarations": [{"name": "look", "parametersJsonSchema": SCHEMA}]},
        {"googleSearch": {}},
    ],
    "generationConfig": {"responseSchema": SCHEMA, "responseMimeType": "application/json", "seed": 7},
    "safetySettings": [],
}
WIRES: list[tuple[Wire, dict[str, Any]]] = [
    (OpenAIChat(), OF_OPENAI),
    (Anthropic(), OF_ANTHROPIC),
    (Gemini(), OF_GEMINI),
]
HISTORY = (
    Line("user", (Text("Before"),)),
    Line("assistant", (Text("Yes."),)),
    Line("user", (Text("Hello"),)),
)


def written(wire: Wire, request: Request) -> dict[str, Any]:
    """What a host of the same wire is sent for a request in its conversation."""
    profile, endpoint = (
        Profile("lab", "small"),
        Endpoint(name="lab", wire=wire.name, base_url="http://lab/v1"),
    )
    outgoing = wire.write_request(compose(request, HISTORY, 100_000), profile, endpoint)
    body: dict[str, Any] = json.loads(outgoing.body)
    return body


@pytest.mark.parametrize(("wire", "body"), WIRES)
def test_what_was_asked_in_any_dialect_is_read_back(wire: Wire, body: dict[str, Any]) -> None:
    request = wire.read_request({}, json.dumps({"model": "small", **body}).encode())
    ask = Ask("ten_1", "usr_1", sees_all=False, request=request, model=None, trace="t", conversation="conv_1")
    again = decode(encode(ask), tenant="ten_1", user="usr_1", conversation="conv_1").request
    assert again.source is not None
    assert msgspec.structs.replace(again, source=None) == msgspec.structs.replace(request, source=None)
    assert written(wire, again) == written(wire, request)


def test_what_was_said_with_its_probabilities_is_read_back() -> None:
    log = Log("turn_1", "one")
    odds = msgspec.Raw(b'{"content":[{"token":"a","logprob":-0.5}]}')
    said = (TextDelta(0, "a", logprobs=odds), RefusalDelta(0, "b", logprobs=odds), TextDelta(0, "c"))
    for each in said:
        log.append(each)
    assert [entry.event for entry in read_lines(log.lines(), 1)] == list(said)


READERS: dict[str, Wire] = {
    "openai.chat": OpenAIChat(),
    "anthropic.messages": Anthropic(),
    "gemini.generateContent": Gemini(),
    "gemini.streamGenerateContent": Gemini(),
}


def recorded(api: str) -> Iterator[tuple[str, Any, bytes]]:
    """All that real clients asked and hosts answered: a name, the question's JSON, the answer."""
    root = folder()
    assert root is not None
    for path in sorted(root.glob("[!_]*/*.json")):
        for at, exchange in enumerate(json.loads(path.read_bytes())["interactions"]):
            answer = exchange["response"].get("body_text") if exchange["response"]["status"] == 200 else None
            if exchange["request"]["api"] == api:
                yield f"{path.stem}#{at}", exchange["request"]["body"], (answer or "").encode()


def heard(wire: Wire, body: bytes) -> list[Delta]:
    """All deltas of an answer, also of one that breaks off."""
    reader, deltas = wire.reader(""), list[Delta]()
    with suppress(PodiumError):
        deltas += reader.feed(body)
        while more := reader.close():
            deltas += more
    return deltas


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
@pytest.mark.parametrize("api", READERS)
def test_whatever_was_really_asked_and_answered_is_read_back(api: str) -> None:
    wire, many = READERS[api], 0
    for name, body, answer in recorded(api):
        log = Log(name, "one")
        for delta in heard(wire, answer):
            log.append(delta)
        told = [entry.event for entry in log.events]
        if told:
            assert [entry.event for entry in read_lines(log.lines(), 1)] == told, name
        try:
            request = wire.read_request({"model": "small"}, json.dumps(body).encode())
        except PodiumError:
            continue
        ask = Ask(
            "ten_1", "usr_1", sees_all=False, request=request, model=None, trace="t", conversation="conv_1"
        )
        again = decode(encode(ask), tenant="ten_1", user="usr_1", conversation="conv_1").request
        assert again == msgspec.structs.replace(request, source=again.source), name
        many += 1
    assert many > 90
