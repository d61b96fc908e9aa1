"""U25: a prompt is too long for its model. Each SDK's caller knows it by its dialect, whatever the host."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import playing

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that

WORDS = {
    "openai": "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "llamacpp": "request (9000 tokens) exceeds the available context size (8192 tokens), try increasing it",
    "ollama": "prompt too long; exceeded max context length by 808 tokens",
    "anthropic": "prompt is too long: 9000 tokens > 8192 maximum",
    "gemini": "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
}
"""What hosts say; the endpoints are named like them."""

REFUSALS: dict[str, dict[str, Any]] = {
    "openai": {"type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"},
    "llamacpp": {"type": "exceed_context_size_error", "code": 400, "n_prompt_tokens": 9000, "n_ctx": 8192},
    "ollama": {"type": "invalid_request_error", "param": None, "code": None},
    "anthropic": {"type": "invalid_request_error"},
    "gemini": {"code": 400, "status": "INVALID_ARGUMENT"},
}
OUTER = {"anthropic": {"type": "error"}}
PATHS = {
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/any:streamGenerateContent",
    **{name: f"/{name}/chat/completions" for name in ("openai", "llamacpp", "ollama")},
}
WIRES = {name: name if name in ("anthropic", "gemini") else "openai_chat" for name in WORDS}
ASKED: Any = {"messages": [{"role": "user", "content": "a long story"}]}


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    bodies = {
        path: json.dumps(
            {**OUTER.get(name, {}), "error": {**REFUSALS[name], "message": WORDS[name]}}
        ).encode()
        for name, path in PATHS.items()
    }
    bodies |= {path.replace("streamGenerate", "generate"): body for path, body in bodies.items()}
    async with playing(bodies, status=400) as base:

        def catalogue(_: Simulator) -> Catalogue:
            ends = [
                Endpoint(name, wire, f"{base}/{name}" if wire == "openai_chat" else base)
                for name, wire in WIRES.items()
            ]
            return Catalogue(endpoints={each.name: each for each in ends}, allow_unpriced=True)

        async with podium(dsn, catalogue=catalogue) as running:
            yield running


@pytest.mark.parametrize("host", WORDS)
async def test_openais_clients_know_it_by_its_code(house: Podium, host: str) -> None:
    async with openai.AsyncOpenAI(base_url=f"{house.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
        for stream in (False, True):
            with pytest.raises(openai.BadRequestError) as caught:
                await client.chat.completions.create(model=f"{host}/any", stream=stream, **ASKED)
            assert caught.value.code == (None if host == "ollama" else "context_length_exceeded"), "its own"
            body: Any = caught.value.body
            assert body["message"] == WORDS[host]


@pytest.mark.parametrize("host", WORDS)
async def test_anthropics_clients_are_told_an_invalid_request_in_the_hosts_words(
    house: Podium, host: str
) -> None:
    async with anthropic.AsyncAnthropic(base_url=house.url, api_key=ADMIN_KEY, max_retries=0) as client:
        with pytest.raises(anthropic.BadRequestError) as caught:
            await client.messages.create(model=f"{host}/any", max_tokens=10, **ASKED)
    body: Any = caught.value.body
    assert body["error"] == {"type": "invalid_request_error", "message": WORDS[host]}


@pytest.mark.parametrize("host", WORDS)
async def test_googles_clients_are_told_an_invalid_argument_in_the_hosts_words(
    house: Podium, host: str
) -> None:
    def talk() -> None:
        client = genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=house.url))
        try:
            client.models.generate_content(model=f"{host}/any", contents="a long story")
        finally:
            client.close()

    with pytest.raises(errors.ClientError) as caught:
        await asyncio.to_thread(talk)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    assert caught.value.message == WORDS[host]


async def test_a_native_turn_fails_with_the_same_code(house: Podium) -> None:
    path = f"{house.url}/v1/conversations/{await house.conversation()}/turns"
    body = {"model": "anthropic/any", "input": "a long story"}
    async with house.http.post(path, json=body) as answer:
        told = await answer.json()
    assert (answer.status, told["error"]["code"]) == (400, "context_length_exceeded")
    assert told["error"]["message"] == WORDS["anthropic"]
