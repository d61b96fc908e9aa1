"""What the simulator answers, as the official SDK sees it."""

import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from podium.simulator import Options, Simulator, serving
from tests.simulator.serving import simulator, wait_until_idle

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 3}},
            "required": ["city", "days"],
        },
    },
}


@pytest.fixture
async def host() -> AsyncGenerator[Simulator, None]:
    async with simulator() as running:
        yield running


@pytest.fixture
async def sdk(host: Simulator) -> AsyncGenerator[openai.AsyncOpenAI, None]:
    async with openai.AsyncOpenAI(base_url=host.url, api_key="any", max_retries=0) as client:
        yield client


def user(text: str) -> Any:
    return [{"role": "user", "content": text}]


async def ask(sdk: openai.AsyncOpenAI, text: str, **more: Any) -> Any:
    return await sdk.chat.completions.create(model="echo", messages=user(text), **more)


async def text_of(sdk: openai.AsyncOpenAI, text: str, **more: Any) -> str:
    return str((await ask(sdk, text, **more)).choices[0].message.content)


async def test_it_echoes(sdk: openai.AsyncOpenAI) -> None:
    assert await text_of(sdk, "grüß dich") == "You said: grüß dich"


async def test_it_streams_the_same_words(sdk: openai.AsyncOpenAI) -> None:
    stream = await ask(sdk, "one two", stream=True, stream_options={"include_usage": True})
    chunks = [chunk async for chunk in stream]
    spoken = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices]
    assert "".join(filter(None, spoken)) == "You said: one two"
    assert chunks[-1].usage.completion_tokens == 5
    assert len({chunk.id for chunk in chunks}) == 1


async def test_it_lists_its_models(sdk: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in sdk.models.list()] == ["echo"]


async def test_any_model_name_is_answered(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model="some/other:name", messages=user("hi"))
    assert answer.model == "some/other:name"


async def test_what_is_no_rule_is_plain_text(sdk: openai.AsyncOpenAI) -> None:
    assert await text_of(sdk, "see [[Paris]] and [[color=red]] [[x]]") == (
        "You said: see [[Paris]] and [[color=red]] [[x]]"
    )


async def test_it_says_what_it_is_told(sdk: openai.AsyncOpenAI) -> None:
    assert await text_of(sdk, "[[say It rains.]] never mind") == "It rains."


async def test_it_tells_the_conversation_that_it_was_given(sdk: openai.AsyncOpenAI) -> None:
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three [[recall]]"},
    ]
    answer = await sdk.chat.completions.create(model="echo", messages=messages)
    told = str(answer.choices[0].message.content)
    assert told.split("\n") == ["system: Be brief.", "user: one", "assistant: two", "user: three [[recall]]"]


async def test_it_speaks_as_long_as_it_is_told(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "[[tokens=300]]")
    assert answer.usage.completion_tokens == 300


async def test_it_keeps_its_pace(sdk: openai.AsyncOpenAI, host: Simulator) -> None:
    began = time.monotonic()
    stream = await ask(sdk, "[[tokens=20 rate=100 first=0.2]]", stream=True)
    async for _ in stream:
        pass
    assert 0.35 < time.monotonic() - began < 5.0
    served = await wait_until_idle(host, calls=1)
    assert served is not None
    assert served.first_byte_after is not None
    assert 0.19 < served.first_byte_after < 2.0


async def test_a_document_takes_as_long_as_a_stream(sdk: openai.AsyncOpenAI) -> None:
    began = time.monotonic()
    await ask(sdk, "[[tokens=20 rate=100 first=0.1]]")
    assert 0.28 < time.monotonic() - began < 5.0


async def test_a_cap_on_output_ends_the_answer_at_its_length(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "[[tokens=50]]", max_completion_tokens=7)
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 7


async def test_a_stop_word_ends_the_text(sdk: openai.AsyncOpenAI) -> None:
    assert await text_of(sdk, "[[say one STOP two]]", stop=["STOP"]) == "one "


async def test_several_choices_are_given(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "hi", n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert answer.usage.completion_tokens == 12


async def test_it_calls_tools_side_by_side_when_told(sdk: openai.AsyncOpenAI) -> None:
    text = (
        'Well. [[call get_weather {"city": "Oslo", "grid": [[1, 2]]}]] [[call get_weather {"city": "Rome"}]]'
    )
    answer = await ask(sdk, text, tools=[WEATHER])
    calls = answer.choices[0].message.tool_calls
    assert [json.loads(call.function.arguments)["city"] for call in calls] == ["Oslo", "Rome"]
    assert len({call.id for call in calls}) == 2
    assert answer.choices[0].finish_reason == "tool_calls"


async def test_a_streamed_tool_call_comes_in_pieces(sdk: openai.AsyncOpenAI) -> None:
    stream = await ask(sdk, '[[call get_weather {"city": "Oslo"}]]', tools=[WEATHER], stream=True)
    deltas = [call async for chunk in stream for call in chunk.choices[0].delta.tool_calls or ()]
    assert len(deltas) > 3
    assert json.loads("".join(call.function.arguments or "" for call in deltas)) == {"city": "Oslo"}


async def test_a_demanded_call_has_arguments_that_fit(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "go", tools=[WEATHER], tool_choice="required")
    (call,) = answer.choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "text", "days": 3}


async def test_wrong_arguments_are_made_when_told(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, '[[call get_weather {"city": ]]', tools=[WEATHER])
    assert answer.choices[0].message.tool_calls[0].function.arguments == '{"city":'


async def test_it_answers_to_the_results_of_tools(sdk: openai.AsyncOpenAI) -> None:
    messages: Any = user('[[call get_weather {"city": "Oslo"}]]')
    first = await sdk.chat.completions.create(model="echo", messages=messages, tools=[WEATHER])
    call = (first.choices[0].message.tool_calls or [])[0]
    messages += [
        first.choices[0].message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": "4 degrees"},
    ]
    second = await sdk.chat.completions.create(model="echo", messages=messages, tools=[WEATHER])
    assert second.choices[0].message.content == "The tools said: 4 degrees"
    assert second.choices[0].finish_reason == "stop"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[call a {}]] [[next]] [[call b {}]] [[next]] [[say done]]", ["a", "b", "done"]),
        ("[[call a {}]] [[forever]]", ["a", "a", "a", "a"]),
    ],
)
async def test_rounds_of_tool_calls_follow_each_other(
    sdk: openai.AsyncOpenAI, text: str, expected: list[str]
) -> None:
    messages, seen = user(text), list[str]()
    for _ in expected:
        message = (await sdk.chat.completions.create(model="echo", messages=messages)).choices[0].message
        calls: Any = message.tool_calls or []
        seen.append(calls[0].function.name if calls else str(message.content))
        messages.append(message.model_dump(exclude_none=True))
        messages += [{"role": "tool", "tool_call_id": call.id, "content": "ok"} for call in calls]
    assert seen == expected


async def test_it_thinks_before_it_speaks(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "[[reason tokens=12]] hi")
    assert answer.usage.completion_tokens_details.reasoning_tokens == 12
    assert answer.choices[0].message.content == "You said: hi"


async def test_it_refuses(sdk: openai.AsyncOpenAI) -> None:
    answer = await ask(sdk, "[[refuse Not that.]]")
    assert answer.choices[0].message.refusal == "Not that."
    assert answer.choices[0].message.content is None


async def test_cached_tokens_are_counted_when_told(sdk: openai.AsyncOpenAI) -> None:
    usage = (await ask(sdk, "[[cached=5]] hello again")).usage
    assert usage.prompt_tokens_details.cached_tokens == 5
    assert usage.prompt_tokens > 5


class Address(BaseModel):
    street: str
    number: int


class Person(BaseModel):
    name: str
    age: int
    addresses: list[Address]
    friend: "Person | None" = None


async def test_a_structured_answer_parses(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.parse(model="echo", messages=user("who?"), response_format=Person)
    person = answer.choices[0].message.parsed
    assert person is not None
    assert person.addresses
    assert person.name == "who?"


async def test_any_json_object_is_one(sdk: openai.AsyncOpenAI) -> None:
    text = await text_of(sdk, "hi", response_format={"type": "json_object"})
    assert json.loads(text) == {"echo": "hi"}


async def test_a_header_speaks_louder_than_the_prompt(sdk: openai.AsyncOpenAI) -> None:
    headers = {"x-simulate": "say from the header"}
    assert await text_of(sdk, "[[say from the prompt]]", extra_headers=headers) == "from the header"


@pytest.mark.parametrize(
    "rule", ["tokens=many", "fault nonsense", "usage=wrong", "fault 429 times=x", "[[say"]
)
async def test_a_wrong_rule_is_told(sdk: openai.AsyncOpenAI, rule: str) -> None:
    headers = {"x-simulate": rule}
    with pytest.raises(openai.BadRequestError, match="simulator"):
        await ask(sdk, "hi", extra_headers=headers)


async def test_a_wrong_request_is_told_with_its_member(sdk: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="messages"):
        await sdk.post("/chat/completions", body={"model": "echo"}, cast_to=object)


async def test_a_key_is_asked_for_where_one_is_set() -> None:
    async with simulator(api_key="right") as host:
        for key, good in (("right", True), ("wrong", False)):
            async with openai.AsyncOpenAI(base_url=host.url, api_key=key, max_retries=0) as client:
                if good:
                    assert await text_of(client, "hi") == "You said: hi"
                else:
                    with pytest.raises(openai.AuthenticationError):
                        await ask(client, "hi")


TOML = """
[[rules]]
match = "weather in (\\\\w+)"
answer = '[[call get_weather {"city": "$1"}]] [[next]] It rains in $1.'

[[rules]]
model = "slow-*"
answer = "[[first=0.2]] At last."
"""
JSON = '{"rules": [{"match": "^hello$", "answer": "Hello to you, $0."}]}'


async def test_a_script_answers_what_it_matches(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text(TOML)
    async with simulator(script=path) as host, openai.AsyncOpenAI(base_url=host.url, api_key="any") as sdk:
        answer = await ask(sdk, "the weather in Oslo?")
        assert answer.choices[0].message.tool_calls[0].function.arguments == '{"city": "Oslo"}'
        messages: Any = [
            *user("the weather in Oslo?"),
            answer.choices[0].message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": answer.choices[0].message.tool_calls[0].id, "content": "wet"},
        ]
        second = await sdk.chat.completions.create(model="echo", messages=messages)
        assert second.choices[0].message.content == "It rains in Oslo."
        assert await text_of(sdk, "something else") == "You said: something else"
        slow = await sdk.chat.completions.create(model="slow-one", messages=user("hi"))
        assert slow.choices[0].message.content == "At last."


async def test_a_script_may_be_json_and_may_be_exchanged(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(JSON)
    async with simulator(script=path) as host, openai.AsyncOpenAI(base_url=host.url, api_key="any") as sdk:
        assert await text_of(sdk, "hello") == "Hello to you, hello."
        other = {"rules": [{"answer": "Goodbye."}]}
        await sdk.put(
            f"{host.root}/script", body=other, cast_to=object, options={"headers": {"accept": "*/*"}}
        )
        assert await text_of(sdk, "hello") == "Goodbye."


async def test_options_set_the_pace_for_all() -> None:
    options = Options(rate=100.0, first=0.1)
    async with serving(options) as host, openai.AsyncOpenAI(base_url=host.url, api_key="any") as sdk:
        began = time.monotonic()
        await ask(sdk, "[[tokens=10]]")
        assert time.monotonic() - began > 0.19
