"""Tools through the nine pairs: calls side by side, whole and streamed, and the round back with their results."""

import json
from typing import Any

import pytest
from anthropic import beta_async_tool
from google.genai import types
from openai import pydantic_function_tool
from pydantic import BaseModel

from tests.doors.pairs.setting import (
    CALLS,
    CITIES,
    RESULTS,
    SCHEMA,
    TOOLS_SAID,
    Clients,
    config,
    said,
)

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

OPENAIS: list[Any] = [{"type": "function", "function": {"name": "get_weather", "parameters": SCHEMA}}]
ANTHROPICS: list[Any] = [{"name": "get_weather", "description": "Tells it.", "input_schema": SCHEMA}]
GEMINIS = types.Tool(
    function_declarations=[types.FunctionDeclaration(name="get_weather", parameters_json_schema=SCHEMA)]
)


async def test_openais_door_carries_a_tool_loop(clients: Clients, model: str) -> None:
    messages, create = said(f"[[say Let me see.]] {CALLS}"), clients.openai.chat.completions.create
    called = await create(model=model, messages=messages, tools=OPENAIS)
    [choice] = called.choices
    assert (choice.message.content, choice.finish_reason) == ("Let me see.", "tool_calls")
    calls: list[Any] = list(choice.message.tool_calls or ())
    assert [json.loads(each.function.arguments) for each in calls] == CITIES
    assert len({each.id for each in calls}) == 2
    messages.append(choice.message.model_dump(exclude_none=True))
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": result}
        for call, result in zip(calls, RESULTS, strict=True)
    ]
    told = await create(model=model, messages=messages, tools=OPENAIS)
    assert (told.choices[0].message.content, told.choices[0].finish_reason) == (TOOLS_SAID, "stop")


async def test_openais_door_streams_calls(clients: Clients, model: str) -> None:
    async with clients.openai.chat.completions.stream(
        model=model, messages=said(CALLS), tools=OPENAIS
    ) as stream:
        events: list[Any] = [event async for event in stream]
        final = await stream.get_final_completion()
    done = [each for each in events if each.type == "tool_calls.function.arguments.done"]
    assert [json.loads(each.arguments) for each in done] == CITIES
    [choice] = final.choices
    assert choice.finish_reason == "tool_calls"
    assert [json.loads(each.function.arguments) for each in choice.message.tool_calls or ()] == CITIES
    first = [
        c for e in events if e.type == "chunk" for o in e.chunk.choices for c in o.delta.tool_calls or ()
    ]
    assert [(each.index, each.type) for each in first if each.id] == [(0, "function"), (1, "function")]


async def test_openais_door_parses_the_arguments_of_strict_tools(clients: Clients, model: str) -> None:
    class GetWeather(BaseModel):
        city: str

    tools = [pydantic_function_tool(GetWeather, name="get_weather")]
    parsed = await clients.openai.chat.completions.parse(model=model, messages=said(CALLS), tools=tools)
    calls = parsed.choices[0].message.tool_calls or []
    assert [each.function.parsed_arguments for each in calls] == [
        GetWeather(city="Oslo"),
        GetWeather(city="Rome"),
    ]


async def test_anthropics_door_carries_a_tool_loop(clients: Clients, model: str) -> None:
    messages = said(f"[[say Let me see.]] {CALLS}")
    create: Any = clients.anthropic.messages.create
    called = await create(model=model, max_tokens=99, messages=messages, tools=ANTHROPICS)
    assert called.stop_reason == "tool_use"
    said_so, *calls = [
        each for each in called.content if each.type != "thinking"
    ]  # which may hold a seal alone
    assert said_so.text == "Let me see."
    assert [each.input for each in calls] == CITIES
    assert len({each.id for each in calls}) == 2
    messages.append({"role": "assistant", "content": called.content})
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": [{"type": "text", "text": result}]}
        for call, result in zip(calls, RESULTS, strict=True)
    ]
    messages.append({"role": "user", "content": results})
    told = await create(model=model, max_tokens=99, messages=messages, tools=ANTHROPICS)
    assert ([each.text for each in told.content], told.stop_reason) == ([TOOLS_SAID], "end_turn")


async def test_anthropics_door_streams_calls(clients: Clients, model: str) -> None:
    async with clients.anthropic.messages.stream(
        model=model, max_tokens=99, messages=said(CALLS), tools=ANTHROPICS
    ) as stream:
        events: list[Any] = [event async for event in stream]
        final = await stream.get_final_message()
    assert [each.input for each in final.content if each.type == "tool_use"] == CITIES
    assert final.stop_reason == "tool_use"
    starts = [each for each in events if each.type == "content_block_start"]
    assert [each.index for each in starts] == list(range(len(starts)))


async def test_anthropics_tool_runner_goes_the_whole_way(clients: Clients, model: str) -> None:
    asked: list[str] = []

    @beta_async_tool
    async def get_weather(city: str) -> str:
        """Tells the weather.

        Args:
            city: Where.
        """
        asked.append(city)
        return f"fine in {city}"

    runner = clients.anthropic.beta.messages.tool_runner(
        model=model, max_tokens=99, tools=[get_weather], messages=said(CALLS)
    )
    final: Any = await runner.until_done()
    assert sorted(asked) == ["Oslo", "Rome"]
    assert final.content[-1].text == "The tools said: fine in Oslo; fine in Rome"


async def test_geminis_door_carries_a_tool_loop(clients: Clients, model: str) -> None:
    generate, asked = clients.google.aio.models.generate_content, types.UserContent(f"[[say Well.]] {CALLS}")
    called = await generate(model=model, contents=asked, config=config(tools=[GEMINIS]))
    assert [each.args for each in called.function_calls or ()] == CITIES
    [candidate] = called.candidates or []
    assert candidate.finish_reason == types.FinishReason.STOP
    assert candidate.content is not None
    results = [
        types.Part.from_function_response(name="get_weather", response={"output": each}) for each in RESULTS
    ]
    contents: Any = [asked, candidate.content, types.UserContent(results)]
    told = await generate(model=model, contents=contents, config=config(tools=[GEMINIS]))
    assert told.text is not None
    assert told.text.index("4 degrees") < told.text.index("21 degrees")


async def test_geminis_door_streams_calls(clients: Clients, model: str) -> None:
    stream = await clients.google.aio.models.generate_content_stream(
        model=model, contents=CALLS, config=config(tools=[GEMINIS])
    )
    chunks = [chunk async for chunk in stream]
    assert [each.args for chunk in chunks for each in chunk.function_calls or ()] == CITIES


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_googles_own_calling_of_functions_goes_the_whole_way(
    clients: Clients, model: str, *, streamed: bool
) -> None:
    asked: list[str] = []

    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        asked.append(city)
        return f"fine in {city}"

    models, own = clients.google.aio.models, types.GenerateContentConfig(tools=[get_weather])
    if streamed:
        stream = await models.generate_content_stream(model=model, contents=CALLS, config=own)
        text = "".join([chunk.text or "" async for chunk in stream])
    else:
        text = (await models.generate_content(model=model, contents=CALLS, config=own)).text or ""
    assert asked == ["Oslo", "Rome"]
    assert "fine in Oslo" in text
    assert "fine in Rome" in text


async def test_a_forced_tool_is_called(clients: Clients, model: str) -> None:
    tools = [*OPENAIS, {"type": "function", "function": {"name": "other", "parameters": SCHEMA}}]
    choice: Any = {"type": "function", "function": {"name": "other"}}
    called: Any = await clients.openai.chat.completions.create(
        model=model, messages=said("hello"), tools=tools, tool_choice=choice
    )
    assert [each.function.name for each in called.choices[0].message.tool_calls] == ["other"]
    both: list[Any] = [*ANTHROPICS, {"name": "other", "input_schema": SCHEMA}]
    message = await clients.anthropic.messages.create(
        model=model,
        max_tokens=99,
        messages=said("hello"),
        tools=both,
        tool_choice={"type": "tool", "name": "other"},
    )
    assert [each.name for each in message.content if each.type == "tool_use"] == ["other"]
    other = types.FunctionDeclaration(name="other", parameters_json_schema=SCHEMA)
    forced = types.ToolConfig(
        function_calling_config=types.FunctionCallingConfig(
            mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["other"]
        )
    )
    answer = await clients.google.aio.models.generate_content(
        model=model,
        contents="hello",
        config=config(tools=[GEMINIS, types.Tool(function_declarations=[other])], tool_config=forced),
    )
    assert [each.name for each in answer.function_calls or ()] == ["other"]
