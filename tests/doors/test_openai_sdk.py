"""The official SDK as a client, unchanged."""

import asyncio
import json

import httpx2
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel

from tests.doors.podium import ADMIN_KEY, Podium
from tests.simulator.serving import wait_until_idle

HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def test_an_answer_comes_whole(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="lab/small", messages=HELLO)
    assert answer.choices[0].message.content == "You said: hello"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "lab/small"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_an_answer_comes_streamed_with_its_usage_last(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="lab/small", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hello"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all(chunk.usage is None for chunk in chunks[:-1])
    assert len({chunk.id for chunk in chunks}) == 1


async def test_without_being_asked_a_stream_tells_no_usage(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(model="lab/small", messages=HELLO, stream=True)
    assert all([chunk.choices and chunk.usage is None async for chunk in stream])


async def test_the_sync_client_works_as_well(server: Podium) -> None:
    def talk() -> tuple[str | None, str]:
        with OpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=0) as sync:
            whole = sync.chat.completions.create(model="lab/small", messages=HELLO)
            stream = sync.chat.completions.create(model="lab/small", messages=HELLO, stream=True)
            return whole.choices[0].message.content, "".join(c.choices[0].delta.content or "" for c in stream)

    assert await asyncio.to_thread(talk) == ("You said: hello", "You said: hello")


async def test_client_run_tools_pass_through_both_ways(client: AsyncOpenAI) -> None:
    messages = said('[[call get_weather {"city": "Oslo"}]] [[call get_weather {"city": "Rome"}]]')
    answer = await client.chat.completions.create(model="lab/small", messages=messages, tools=[WEATHER])
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = message.tool_calls or []
    assert [json.loads(call.function.arguments)["city"] for call in calls if call.type == "function"] == [
        "Oslo",
        "Rome",
    ]
    messages.append(message.model_dump(exclude_none=True))  # type: ignore[arg-type]  # as users send it back
    messages.extend({"role": "tool", "tool_call_id": call.id, "content": "4 degrees"} for call in calls)
    final = await client.chat.completions.create(model="lab/small", messages=messages, tools=[WEATHER])
    assert final.choices[0].message.content == "The tools said: 4 degrees; 4 degrees"


async def test_streamed_tool_calls_collect_in_the_sdk(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="lab/small", messages=said('[[call get_weather {"city": "Oslo"}]]'), tools=[WEATHER]
    ) as stream:
        async for _ in stream:
            pass
        completion = await stream.get_final_completion()
    [call] = completion.choices[0].message.tool_calls or []
    assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Oslo"})


class Event(BaseModel):
    name: str
    guests: int


async def test_structured_output_is_parsed(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.parse(model="lab/small", messages=HELLO, response_format=Event)
    assert isinstance(answer.choices[0].message.parsed, Event)


async def test_images_reach_the_host(server: Podium, client: AsyncOpenAI) -> None:
    url = "data:image/png;base64,iVBORw0KGgo="
    await client.chat.completions.create(
        model="lab/small",
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "hello"},
                    {"type": "image_url", "image_url": {"url": url}},
                ],
            }
        ],
    )
    call = await wait_until_idle(server.host, calls=1)
    assert call is not None
    assert call.status == 200


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("400", openai.BadRequestError),
        ("401", openai.InternalServerError),
    ],
)
async def test_a_hosts_errors_become_the_sdks(
    client: AsyncOpenAI, fault: str, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model="lab/small", messages=said(f"[[fault {fault}]]"))
    assert caught.value.request_id


async def test_the_sdk_tries_again_when_that_can_help(server: Podium) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key=ADMIN_KEY, max_retries=2) as client:
        answer = await client.chat.completions.create(
            model="once/small", messages=said("[[fault 503 times=1 key=again]] [[say done]]")
        )
    assert answer.choices[0].message.content == "done"


async def test_an_unknown_model_is_a_404_that_says_what_is_there(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="lub/small", messages=HELLO)
    assert caught.value.code == "model_not_found"


async def test_a_wrong_key_is_a_401(server: Podium) -> None:
    async with AsyncOpenAI(base_url=f"{server.url}/v1", api_key="pk_wrong", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="lab/small", messages=HELLO)


@pytest.mark.parametrize("fault", ["end", "reset", "close", "error", "bad-json"])
async def test_a_stream_that_breaks_raises_and_never_looks_finished(client: AsyncOpenAI, fault: str) -> None:
    stream = await client.chat.completions.create(
        model="lab/small", messages=said(f"[[tokens=20]] [[fault {fault} after=3]]"), stream=True
    )
    finished: list[str] = []

    async def listen() -> None:
        async for chunk in stream:
            finished.extend(choice.finish_reason for choice in chunk.choices if choice.finish_reason)

    with pytest.raises(openai.APIError):
        await listen()
    assert not finished


async def test_a_failure_before_the_first_word_is_a_real_status_even_for_a_stream(
    client: AsyncOpenAI,
) -> None:
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.create(model="lab/small", messages=said("[[fault 500]]"), stream=True)


async def test_a_route_answers_with_its_next_candidate(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="fast", messages=HELLO)
    assert (answer.model, answer.choices[0].message.content) == ("lab/small", "You said: hello")


async def test_models_are_listed_and_found(client: AsyncOpenAI) -> None:
    listed = [model.id async for model in await client.models.list()]
    assert "lab/small" in listed
    assert "fast" in listed
    assert (await client.models.retrieve("lab/other")).owned_by == "lab"
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nobody/knows")


async def test_a_dialect_client_speaks_in_a_conversation(server: Podium, client: AsyncOpenAI) -> None:
    conversation = await server.conversation()
    wish = {"x_podium": {"conversation": conversation}}
    await client.chat.completions.create(model="lab/small", messages=HELLO, extra_body=wish)
    answer = await client.chat.completions.create(
        model="lab/small",
        messages=[{"role": "system", "content": "Be kind."}, *said("[[recall]]")],
        extra_body=wish,
    )
    assert answer.choices[0].message.content == (
        "system: Be kind.\nuser: hello\nassistant: You said: hello\nuser: [[recall]]"
    )


async def test_leaving_a_stateless_stream_stops_the_hosts_work(server: Podium, client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="lab/small", messages=said("[[tokens=1000 rate=50]]"), stream=True
    )
    await anext(aiter(stream))
    await stream.close()
    call = await wait_until_idle(server.host, calls=1)
    assert call is not None
    assert call.ended == "client_gone"


async def test_unknown_members_reach_the_host_and_come_back(server: Podium, client: AsyncOpenAI) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model="lab/small", messages=HELLO, extra_body={"frobnicate": {"deep": [1, {"x": None}]}}, seed=7
    )
    assert raw.headers["x-podium-turn"].startswith("turn_")
    assert raw.parse().choices[0].message.content == "You said: hello"


async def test_a_request_is_answered_once_for_one_idempotency_key(server: Podium) -> None:
    async with httpx2.AsyncClient(
        base_url=server.url, headers={"authorization": f"Bearer {ADMIN_KEY}"}
    ) as http:
        body = {"model": "lab/small", "messages": HELLO}
        key = {"idempotency-key": "once"}
        first = await http.post("/v1/chat/completions", json=body, headers=key)
        second = await http.post("/v1/chat/completions", json=body, headers=key)
        other = await http.post("/v1/chat/completions", json={**body, "messages": said("else")}, headers=key)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert other.status_code == 422
    await wait_until_idle(server.host, calls=1)
    assert len(server.host.oracle.calls) == 1
