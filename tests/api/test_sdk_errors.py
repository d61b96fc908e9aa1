"""What the gate refuses on OpenAI's routes is what OpenAI's own client understands."""

from collections.abc import AsyncGenerator

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.doors.podium import ADMIN_KEY, Podium, podium

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]


@pytest.fixture
async def server(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, body_bytes=20_000) as running:
        yield running


async def test_a_wrong_key_is_an_authentication_error(server: Podium) -> None:
    async with openai.AsyncOpenAI(api_key="sk-wrong", base_url=f"{server.url}/v1") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="lab/small", messages=HELLO)
    assert caught.value.status_code == 401
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    with pytest.raises(openai.AuthenticationError):
        async with openai.AsyncOpenAI(api_key="sk-wrong", base_url=f"{server.url}/v1") as client:
            await client.models.list()


async def test_a_large_request_is_told_with_its_status_and_is_not_sent_again(server: Podium) -> None:
    async with openai.AsyncOpenAI(api_key=ADMIN_KEY, base_url=f"{server.url}/v1") as client:
        large: list[ChatCompletionMessageParam] = [{"role": "user", "content": "x" * 30_000}]
        with pytest.raises(openai.APIStatusError) as caught:
            await client.chat.completions.create(model="lab/small", messages=large)
    assert caught.value.status_code == 413
    assert caught.value.code == "too_large"


async def test_an_unknown_model_is_a_not_found_error_that_names_the_member(server: Podium) -> None:
    async with openai.AsyncOpenAI(api_key=ADMIN_KEY, base_url=f"{server.url}/v1") as client:
        with pytest.raises(openai.NotFoundError) as caught:
            await client.chat.completions.create(model="nobody/nothing", messages=HELLO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
