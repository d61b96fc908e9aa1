"""How many tokens a request would be: the host's own word where there is one, else ours, and it is said whose."""

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import pytest
from anthropic import AsyncAnthropic
from google import genai
from google.genai import types

from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import hosts

MESSAGES = [{"role": "user", "content": "one two three"}]
CONTENTS = [{"role": "user", "parts": [{"text": "one two three"}]}]
TOOL = {"name": "get_weather", "description": "Tells the weather.", "input_schema": {"type": "object"}}
TRUE_COUNT = 7  # as the simulator counts: four for the line, three for its words


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


async def messages_count(server: Podium, model: str, **more: Any) -> tuple[dict[str, Any], Any]:
    body = {"model": model, "messages": MESSAGES, **more}
    async with server.http.post(f"{server.url}/v1/messages/count_tokens", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json(), answer.headers


async def contents_count(server: Podium, model: str, body: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    path = f"/v1beta/models/{model}:countTokens"
    async with server.http.post(server.url + path, json=body) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json(), answer.headers


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
async def test_a_host_that_counts_is_asked_through_either_door(server: Podium, wire: str) -> None:
    told, headers = await messages_count(server, f"{wire}/any")
    assert (told, headers["x-podium-counting-method"]) == ({"input_tokens": TRUE_COUNT}, "provider")
    told, headers = await contents_count(server, f"{wire}/any", {"contents": CONTENTS})
    assert (told, headers["x-podium-counting-method"]) == ({"totalTokens": TRUE_COUNT}, "provider")
    paths = {"anthropic": "/v1/messages/count_tokens", "gemini": "/v1beta/models/any:countTokens"}
    assert [call.path for call in server.host.oracle.calls] == [paths[wire]] * 2


async def test_where_hosts_do_not_count_we_estimate(server: Podium) -> None:
    told, headers = await messages_count(server, "openai_chat/small")
    assert told["input_tokens"] > 0
    assert headers["x-podium-counting-method"] == "estimate"
    assert "x-podium-counting-failure" not in headers
    told, headers = await contents_count(server, "openai_chat/small", {"contents": CONTENTS})
    assert told["totalTokens"] > 0
    assert headers["x-podium-counting-method"] == "estimate"
    assert not server.host.oracle.calls


@pytest.mark.parametrize(
    ("model", "said", "failure"),
    [
        ("anthropic/any", "[[fault 500]]", "upstream_overloaded (500)"),
        ("gemini/any", "[[fault 404]]", "upstream_rejected (404)"),
        ("anthropic/any", "[[fault 401]]", "upstream_rejected (401)"),
        ("gemini/any", "[[fault html]]", "upstream_protocol_error (200)"),
        ("anthropic/any", "[[fault close after=request]]", "upstream_truncated"),
        ("dead_anthropic/any", "hello", "upstream_unreachable"),
        ("dead_gemini/any", "hello", "upstream_unreachable"),
    ],
)
async def test_a_host_that_fails_is_made_up_for_and_it_is_said(
    server: Podium, model: str, said: str, failure: str
) -> None:
    told, headers = await messages_count(server, model, messages=[{"role": "user", "content": said}])
    assert told["input_tokens"] > 0
    assert headers["x-podium-counting-method"] == "estimate"
    assert headers["x-podium-counting-failure"] == failure


async def test_all_that_the_model_would_read_is_counted(server: Podium) -> None:
    bare, _ = await messages_count(server, "gemini/any")
    whole, headers = await messages_count(server, "gemini/any", system="Be brief.", tools=[TOOL])
    assert headers["x-podium-counting-method"] == "provider"
    assert whole["input_tokens"] > bare["input_tokens"] + 4
    inner = {"contents": CONTENTS, "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    asked = {"generateContentRequest": {"model": "models/any", **inner}}
    for wire in ("anthropic", "gemini"):
        told, headers = await contents_count(server, f"{wire}/any", asked)
        assert headers["x-podium-counting-method"] == "provider"
        assert told["totalTokens"] > TRUE_COUNT + 4


async def test_a_picture_is_not_estimated_by_its_bytes(server: Podium) -> None:
    source = {"type": "base64", "media_type": "image/png", "data": "A" * 400_000}
    said = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    told, _ = await messages_count(server, "openai_chat/small", messages=said)
    assert 1_000 < told["input_tokens"] < 3_000


async def test_the_sdks_count_for_every_model(server: Podium) -> None:
    async with AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY, max_retries=0) as claude:
        for wire in ("openai_chat", "anthropic", "gemini"):
            counted = await claude.messages.count_tokens(
                model=f"{wire}/any",
                messages=[{"role": "user", "content": "one two three"}],
                system="Be brief.",
                thinking={"type": "enabled", "budget_tokens": 2048},
            )
            assert counted.input_tokens > TRUE_COUNT
        with pytest.raises(anthropic.NotFoundError):
            await claude.messages.count_tokens(
                model="nobody/any", messages=[{"role": "user", "content": "hello"}]
            )
        with pytest.raises(anthropic.BadRequestError):
            await claude.messages.count_tokens(
                model="openai_chat/any",
                messages=[{"role": "user", "content": "hello"}],
                extra_body={"system": 5},
            )


@pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # the SDK subclasses aiohttp's session
async def test_googles_sdk_counts_for_every_model(server: Podium) -> None:
    client = genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=server.url))
    for wire in ("openai_chat", "anthropic", "gemini"):
        counted = await client.aio.models.count_tokens(model=f"{wire}/any", contents="one two three")
        assert counted.total_tokens
    await client.aio.aclose()
