"""Every door before every wire: text, streams, tools, thinking, images and errors, by the official SDKs."""

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI

from podium.catalogue.catalogue import Catalogue
from podium.catalogue.endpoint import Endpoint
from podium.simulator import Simulator
from tests.doors.podium import ADMIN_KEY, Podium, podium

pytestmark = pytest.mark.filterwarnings(
    "ignore:Inheritance class:DeprecationWarning"
)  # Google's SDK does that

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = '[[call get_weather {"city": "Oslo"}]]'
TOOLS_SAID = "The tools said: 4 degrees"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def three_wires(host: Simulator) -> Catalogue:
    bases = {"openai_chat": host.url, "anthropic": host.root, "gemini": host.root}
    return Catalogue(endpoints={wire: Endpoint(name=wire, wire=wire, base_url=bases[wire]) for wire in bases})


@pytest.fixture(params=["openai_chat", "anthropic", "gemini"])
def model(request: pytest.FixtureRequest) -> str:
    """A model whose host speaks this wire."""
    return f"{request.param}/any"


@pytest.fixture
async def house(dsn: str) -> AsyncGenerator[Podium, None]:
    async with podium(dsn, catalogue=three_wires) as running:
        yield running


async def test_openais_door(house: Podium, model: str) -> None:
    async with AsyncOpenAI(base_url=f"{house.url}/v1", api_key=ADMIN_KEY, max_retries=0) as client:
        create: Any = client.chat.completions.create  # plain dicts go in, as people write them
        whole = await create(model=model, messages=[{"role": "user", "content": "hello"}])
        assert whole.choices[0].message.content == "You said: hello"
        assert whole.usage is not None
        assert whole.usage.total_tokens > 0

        stream = await create(model=model, messages=[{"role": "user", "content": "hello"}], stream=True)
        assert (
            "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
            == "You said: hello"
        )

        messages: list[Any] = [{"role": "user", "content": f"[[reason Hm.]] {CALL}"}]
        function = {"name": "get_weather", "parameters": SCHEMA}
        tools = [{"type": "function", "function": function}]
        called = await create(model=model, messages=messages, tools=tools)
        message = called.choices[0].message
        assert called.choices[0].finish_reason == "tool_calls"
        [call] = message.tool_calls
        assert call.function.name == "get_weather"
        messages.append(message.model_dump(exclude_none=True))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "4 degrees"})
        told = await create(model=model, messages=messages, tools=tools)
        assert told.choices[0].message.content == TOOLS_SAID

        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        parts = [{"type": "text", "text": "hello"}, image]
        seen = await create(model=model, messages=[{"role": "user", "content": parts}])
        assert seen.choices[0].message.content == "You said: hello"

        with pytest.raises(openai.RateLimitError):
            await create(model=model, messages=[{"role": "user", "content": "[[fault 429]]"}])


async def test_anthropics_door(house: Podium, model: str) -> None:
    async with AsyncAnthropic(base_url=house.url, api_key=ADMIN_KEY, max_retries=0) as client:
        create: Any = client.messages.create  # plain dicts go in, as people write them
        whole = await create(model=model, max_tokens=99, messages=[{"role": "user", "content": "hello"}])
        assert [b.text for b in whole.content if b.type == "text"] == ["You said: hello"]
        assert whole.usage.output_tokens > 0

        hello: list[MessageParam] = [{"role": "user", "content": "hello"}]
        async with client.messages.stream(model=model, max_tokens=99, messages=hello) as stream:
            assert "".join([piece async for piece in stream.text_stream]) == "You said: hello"

        messages: list[Any] = [{"role": "user", "content": f"[[reason Hm.]] {CALL}"}]
        tools = [{"name": "get_weather", "input_schema": SCHEMA}]
        called = await create(model=model, max_tokens=99, messages=messages, tools=tools)
        assert called.stop_reason == "tool_use"
        assert [b.thinking for b in called.content if b.type == "thinking"] == ["Hm."]
        [call] = [b for b in called.content if b.type == "tool_use"]
        messages.append({"role": "assistant", "content": called.content})
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees"}
        messages.append({"role": "user", "content": [result]})
        told = await create(model=model, max_tokens=99, messages=messages, tools=tools)
        assert [b.text for b in told.content if b.type == "text"] == [TOOLS_SAID]

        source = {"type": "base64", "media_type": "image/png", "data": PIXEL}
        parts = [{"type": "text", "text": "hello"}, {"type": "image", "source": source}]
        seen = await create(model=model, max_tokens=99, messages=[{"role": "user", "content": parts}])
        assert [b.text for b in seen.content if b.type == "text"] == ["You said: hello"]

        with pytest.raises(anthropic.RateLimitError):
            await create(model=model, max_tokens=9, messages=[{"role": "user", "content": "[[fault 429]]"}])


async def test_geminis_door(house: Podium, model: str) -> None:
    client = genai.Client(api_key=ADMIN_KEY, http_options=types.HttpOptions(base_url=house.url))
    generate, stream = client.aio.models.generate_content, client.aio.models.generate_content_stream
    whole = await generate(model=model, contents="hello")
    assert whole.text == "You said: hello"
    assert whole.usage_metadata is not None

    pieces = [chunk.text or "" async for chunk in await stream(model=model, contents="hello")]
    assert "".join(pieces) == "You said: hello"

    declared = types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(
        tools=[types.Tool(function_declarations=[declared])],
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )
    asked = types.Content(role="user", parts=[types.Part(text=f"[[reason Hm.]] {CALL}")])
    called = await generate(model=model, contents=[asked], config=config)
    [call] = called.function_calls or []
    assert (call.name, call.args) == ("get_weather", {"city": "Oslo"})
    answered = types.FunctionResponse(id=call.id, name="get_weather", response={"output": "4 degrees"})
    said = (called.candidates or [])[0].content
    assert said is not None
    result = types.Content(role="user", parts=[types.Part(function_response=answered)])
    told = await generate(model=model, contents=[asked, said, result], config=config)
    assert "4 degrees" in (told.text or "")

    image = types.Part(inline_data=types.Blob(mime_type="image/png", data=b"\x89PNG"))
    seen = await generate(
        model=model, contents=[types.Content(role="user", parts=[types.Part(text="hello"), image])]
    )
    assert seen.text == "You said: hello"

    with pytest.raises(errors.ClientError) as caught:
        await generate(model=model, contents="[[fault 429]]")
    assert caught.value.code == 429
    await client.aio.aclose()
