"""Lists of models, and single ones, as each official SDK reads them."""

import asyncio
from collections.abc import AsyncGenerator

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types

from tests.doors.podium import ADMIN_KEY, Podium, podium
from tests.doors.surface import hosts

pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # Google's SDK does

NAMES = ["fast", "none", "openai_chat/small"]


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=hosts) as running:
        yield running


def google(server: Podium, version: str | None = None) -> genai.Client:
    options = types.HttpOptions(base_url=server.url, api_version=version)
    return genai.Client(api_key=ADMIN_KEY, http_options=options)


async def test_openais_sdk_lists_and_finds(server: Podium) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
        assert [model.id async for model in await client.models.list()] == NAMES
        found = await client.models.retrieve("gemini/some/model:8b")
        assert (found.id, found.owned_by, found.object) == ("gemini/some/model:8b", "gemini", "model")
        with pytest.raises(openai.NotFoundError) as caught:
            await client.models.retrieve("nobody/knows")
        assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        assert caught.value.request_id

    def talk() -> list[str]:
        with openai.OpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=0) as sync:
            assert sync.models.retrieve("openai_chat/small").id == "openai_chat/small"
            return [model.id for model in sync.models.list()]

    assert await asyncio.to_thread(talk) == NAMES


async def test_anthropics_sdk_lists_and_finds(server: Podium) -> None:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY, max_retries=0) as client:
        listed = [model async for model in client.models.list()]
        assert [model.id for model in listed] == NAMES
        assert {model.type for model in listed} == {"model"}
        found = await client.models.retrieve("openai_chat/small")
        assert (found.display_name, found.max_input_tokens, found.max_tokens) == (
            "openai_chat/small",
            128_000,
            4_000,
        )
        assert found.created_at.year == 1970  # Anthropic's word for what is not known
        assert (await client.models.retrieve("anthropic/some/model")).max_tokens is None
        with pytest.raises(anthropic.NotFoundError) as caught:
            await client.models.retrieve("nobody/knows")
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["error"]["type"] == "not_found_error"
        assert caught.value.request_id

    def talk() -> list[str]:
        with anthropic.Anthropic(base_url=server.url, api_key=ADMIN_KEY, max_retries=0) as sync:
            assert sync.models.retrieve("gemini/any").id == "gemini/any"
            return [model.id for model in sync.beta.models.list()]

    assert await asyncio.to_thread(talk) == NAMES


async def test_anthropics_sdk_turns_the_pages_both_ways(server: Podium) -> None:
    async with anthropic.AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY, max_retries=0) as client:
        first = await client.models.list(limit=2)
        assert ([model.id for model in first.data], first.has_more) == (NAMES[:2], True)
        assert (first.first_id, first.last_id) == (NAMES[0], NAMES[1])
        assert [model.id async for model in first] == NAMES
        last = await client.models.list(limit=2, before_id=NAMES[2])
        assert ([model.id for model in last.data], last.has_more) == (NAMES[:2], False)
        assert [model.id async for model in client.models.list(limit=1, before_id=NAMES[2])] == NAMES[1::-1]
        for wrong in ({"after_id": "nobody"}, {"limit": 0}):
            with pytest.raises(anthropic.BadRequestError):
                await client.models.list(**wrong)


@pytest.mark.parametrize("version", [None, "v1", "v1alpha"])
async def test_googles_sdk_lists_and_finds(server: Podium, version: str | None) -> None:
    client = google(server, version)
    listed = [model.name async for model in await client.aio.models.list()]
    assert listed == [f"models/{name}" for name in NAMES]
    found = await client.aio.models.get(model="openai_chat/small")
    assert found.name == "models/openai_chat/small"
    assert (found.input_token_limit, found.output_token_limit) == (128_000, 4_000)
    assert found.supported_actions == ["generateContent", "countTokens"]
    assert (await client.aio.models.get(model="models/gemini/any:8b")).name == "models/gemini/any:8b"
    with pytest.raises(errors.ClientError) as caught:
        await client.aio.models.get(model="nobody/knows")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")
    await client.aio.aclose()


async def test_googles_sync_sdk_turns_the_pages(server: Podium) -> None:
    def talk() -> None:
        client = google(server)
        pager = client.models.list(config={"page_size": 2})
        assert [model.name for model in pager.page] == [f"models/{name}" for name in NAMES[:2]]
        assert [model.name for model in pager] == [f"models/{name}" for name in NAMES]
        assert client.models.get(model="fast").display_name == "fast"
        with pytest.raises(errors.ClientError) as caught:
            client.models.list(config={"page_token": "nobody"})
        assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
        client.close()

    await asyncio.to_thread(talk)


async def test_the_shape_follows_how_the_client_introduces_itself(server: Podium) -> None:
    shapes: list[tuple[dict[str, str], str, str]] = [
        ({"authorization": f"Bearer {ADMIN_KEY}"}, "", "object"),
        ({"x-api-key": ADMIN_KEY}, "", "object"),
        ({"x-api-key": ADMIN_KEY, "anthropic-version": "2023-06-01"}, "", "has_more"),
        ({"x-goog-api-key": ADMIN_KEY}, "", "models"),
        ({}, f"?key={ADMIN_KEY}", "models"),
    ]
    for headers, query, member in shapes:
        url = f"{server.url}/v1/models{query}"
        async with server.http.get(url, headers={"authorization": "", **headers}) as answer:
            assert answer.status == 200, headers
            assert member in await answer.json(), headers


@pytest.mark.parametrize("version", ["v1", "v1beta", "v1alpha"])
async def test_a_last_slash_names_no_model_but_all_of_them(server: Podium, version: str) -> None:
    path = f"/{version}/models"
    assert await server.call("GET", f"{path}/") == await server.call("GET", path)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_somebody_is_at_the_root(server: Podium, method: str) -> None:
    headers = {"authorization": ""}
    async with server.http.request(method, f"{server.url}/?beta=true", headers=headers) as answer:
        assert answer.status == 200
        told = await answer.read()
    assert (b'"podium"' in told) is (method == "GET")
