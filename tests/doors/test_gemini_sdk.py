"""The official Google SDK as a client, unchanged; the host behind speaks OpenAI's wire."""

from collections.abc import AsyncGenerator

import pytest
from google import genai
from google.genai import errors, types

from tests.doors.podium import ADMIN_KEY, Podium

# The SDK itself subclasses aiohttp's session, which aiohttp warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")

WEATHER = types.Tool(
    function_declarations=[
        types.FunctionDeclaration(
            name="get_weather",
            parameters=types.Schema(
                type=types.Type.OBJECT, properties={"city": types.Schema(type=types.Type.STRING)}
            ),
        )
    ]
)


@pytest.fixture
async def google(server: Podium) -> AsyncGenerator[genai.Client, None]:
    client = genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=server.url))
    yield client
    await client.aio.aclose()


async def test_an_answer_comes_whole(google: genai.Client) -> None:
    answer = await google.aio.models.generate_content(model="lab/small", contents="hello")
    assert answer.text == "You said: hello"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.candidates_token_count


async def test_an_answer_comes_streamed(google: genai.Client) -> None:
    stream = await google.aio.models.generate_content_stream(model="lab/small", contents="hello")
    assert "".join([chunk.text or "" async for chunk in stream]) == "You said: hello"


async def test_a_tool_is_called(google: genai.Client) -> None:
    config = types.GenerateContentConfig(
        tools=[WEATHER], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
    )
    answer = await google.aio.models.generate_content(
        model="lab/small", contents='[[call get_weather {"city": "Oslo"}]]', config=config
    )
    [call] = answer.function_calls or []
    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})


async def test_errors_have_the_dialects_shape(google: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as caught:
        await google.aio.models.generate_content(model="lub/small", contents="hello")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


async def test_tokens_are_counted(google: genai.Client) -> None:
    counted = await google.aio.models.count_tokens(model="lab/small", contents="hello")
    assert counted.total_tokens


async def test_without_sse_a_stream_is_a_json_list(server: Podium) -> None:
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}
    path = f"/v1beta/models/lab%2Fsmall:streamGenerateContent?key={ADMIN_KEY}"
    async with server.http.post(server.url + path, json=body, skip_auto_headers=["authorization"]) as answer:
        chunks = await answer.json()
    assert (
        "".join(p["text"] for c in chunks for p in c["candidates"][0]["content"].get("parts", []))
        == "You said: hello"
    )
