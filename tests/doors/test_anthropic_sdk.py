"""The official Anthropic SDK as a client, unchanged; the host behind speaks OpenAI's wire."""

from collections.abc import AsyncGenerator

import anthropic
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam, ToolParam

from tests.doors.podium import ADMIN_KEY, Podium

HELLO: list[MessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ToolParam = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture
async def claude(server: Podium) -> AsyncGenerator[AsyncAnthropic, None]:
    async with AsyncAnthropic(base_url=server.url, api_key=ADMIN_KEY, max_retries=0) as opened:
        yield opened


async def test_an_answer_comes_whole(claude: AsyncAnthropic) -> None:
    message = await claude.messages.create(model="lab/small", max_tokens=100, messages=HELLO)
    [block] = message.content
    assert block.type == "text"
    assert block.text == "You said: hello"
    assert message.stop_reason == "end_turn"
    assert message.id.startswith("msg_")
    assert message.usage.output_tokens > 0


async def test_an_answer_comes_streamed(claude: AsyncAnthropic) -> None:
    async with claude.messages.stream(model="lab/small", max_tokens=100, messages=HELLO) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert text == "You said: hello"
    assert final.stop_reason == "end_turn"
    assert final.usage.input_tokens > 0


async def test_tools_go_round(claude: AsyncAnthropic) -> None:
    messages: list[MessageParam] = [{"role": "user", "content": '[[call get_weather {"city": "Oslo"}]]'}]
    first = await claude.messages.create(
        model="lab/small", max_tokens=100, messages=messages, tools=[WEATHER]
    )
    assert first.stop_reason == "tool_use"
    [call] = [block for block in first.content if block.type == "tool_use"]
    assert (call.name, call.input) == ("get_weather", {"city": "Oslo"})
    messages.append({"role": "assistant", "content": first.content})
    messages.append(
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "4 degrees"}]}
    )
    second = await claude.messages.create(
        model="lab/small", max_tokens=100, messages=messages, tools=[WEATHER]
    )
    [block] = second.content
    assert block.type == "text"
    assert block.text == "The tools said: 4 degrees"


async def test_errors_have_the_dialects_shape(claude: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as caught:
        await claude.messages.create(model="lub/small", max_tokens=100, messages=HELLO)
    assert caught.value.request_id
    with pytest.raises(anthropic.APIStatusError):
        await claude.messages.create(
            model="lab/small", max_tokens=100, messages=[{"role": "user", "content": "[[fault 500]]"}]
        )


async def test_tokens_are_counted(claude: AsyncAnthropic) -> None:
    counted = await claude.messages.count_tokens(model="lab/small", messages=HELLO)
    assert counted.input_tokens > 0


async def test_what_the_host_cannot_be_told_is_named_or_refused(server: Podium) -> None:
    body = {"model": "lab/small", "max_tokens": 10, "messages": HELLO, "top_k": 5}
    async with server.http.post(f"{server.url}/v1/messages", json=body) as answer:
        assert answer.status == 200
        assert "top_k" in answer.headers["x-podium-dropped"]
    for word, status, named in (
        *((word, 400, "top_k") for word in ("true", "1", "YES")),
        *((word, 200, "") for word in ("False", "0", "no", "")),
        ("maybe", 400, "x-podium-strict"),
    ):
        strict = {"x-podium-strict": word}
        async with server.http.post(f"{server.url}/v1/messages", json=body, headers=strict) as answer:
            assert answer.status == status
            told = (await answer.json()).get("error", {})
            assert named in told.get("message", "")
