"""The question for a request's count, as hosts of the two wires take it."""

import msgspec
import pytest

from podium.catalogue.profile import Profile
from podium.errors import Garbled
from podium.vocabulary.request import Request
from podium.wires.anthropic import Anthropic
from podium.wires.gemini import Gemini
from podium.wires.openai_chat import OpenAIChat
from podium.wires.wire import Counting, Wire

ASKED = {
    "model": "any",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
    "temperature": 0.5,
    "max_completion_tokens": 10,
    "stop": ["x"],
    "stream": True,
}


def read(wire: Wire, body: object, **path: str) -> Request:
    return wire.read_request(path, msgspec.json.encode(body))


def test_anthropics_hosts_are_not_told_how_to_answer() -> None:
    """They refuse members that they do not expect: `max_tokens: Extra inputs are not permitted`."""
    outgoing = Anthropic().write_count(read(OpenAIChat(), ASKED), Profile("anthropic", "claude-sonnet-4-5"))
    assert outgoing.path == "/v1/messages/count_tokens"
    assert set(msgspec.json.decode(outgoing.body)) == {"model", "messages", "system"}


def test_a_clients_own_members_and_headers_go_to_a_host_of_its_dialect() -> None:
    body = {
        "model": "any",
        "messages": [{"role": "user", "content": "hello"}],
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "context_management": {"edits": []},
    }
    request = read(Anthropic(), body, method="count_tokens", **{"anthropic-beta": "context-management-2025"})
    outgoing = Anthropic().write_count(request, Profile("anthropic", "claude-sonnet-4-5"))
    assert msgspec.json.decode(outgoing.body) == {**body, "model": "claude-sonnet-4-5"}
    assert outgoing.headers["anthropic-beta"] == "context-management-2025"


def test_geminis_hosts_take_more_than_contents_only_inside_a_whole_request() -> None:
    outgoing = Gemini().write_count(read(OpenAIChat(), ASKED), Profile("gemini", "gemini-2.5-flash"))
    assert outgoing.path == "/v1beta/models/gemini-2.5-flash:countTokens"
    [(name, inner)] = msgspec.json.decode(outgoing.body).items()
    assert (name, inner["model"]) == ("generateContentRequest", "models/gemini-2.5-flash")
    assert inner["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    plain = read(Gemini(), body, model="any", action="countTokens")
    outgoing = Gemini().write_count(plain, Profile("gemini", "tunedModels/mine"))
    assert outgoing.path == "/v1beta/tunedModels/mine:countTokens"
    assert msgspec.json.decode(outgoing.body) == body


@pytest.mark.parametrize("wire", [Anthropic(), Gemini()])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"error": {}}',
        b"{}",
        b'{"totalTokens": 0}',
        b'{"input_tokens": -1, "totalTokens": "x"}',
    ],
)
def test_what_is_no_count_is_not_taken_for_one(wire: Counting, body: bytes) -> None:
    with pytest.raises(Garbled):
        wire.read_count(body)
