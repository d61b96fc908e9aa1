"""Thinking through the nine pairs: what the host thought is shown as each door shows thoughts, before what it says."""

from typing import Any

import pytest
from google.genai import types

from tests.doors.pairs.setting import Clients, config, said

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

TEXT = "[[reason Hm, one moment.]] [[say So it is.]]"


async def test_openais_door_shows_reasoning_content(clients: Clients, model: str) -> None:
    create: Any = clients.openai.chat.completions.create
    whole = await create(model=model, messages=said(TEXT), reasoning_effort="low")
    message = whole.choices[0].message
    assert (message.reasoning_content, message.content) == ("Hm, one moment.", "So it is.")
    stream = await create(model=model, messages=said(TEXT), reasoning_effort="low", stream=True)
    deltas = [chunk.choices[0].delta async for chunk in stream]
    thought = "".join(getattr(each, "reasoning_content", None) or "" for each in deltas)
    assert (thought, "".join(each.content or "" for each in deltas)) == ("Hm, one moment.", "So it is.")
    last = max(at for at, each in enumerate(deltas) if getattr(each, "reasoning_content", None))
    assert not any(each.content for each in deltas[:last])


@pytest.mark.parametrize(
    "thinking",
    [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}],
    ids=["by budget", "as it likes"],
)
async def test_anthropics_door_shows_thinking(clients: Clients, model: str, thinking: Any) -> None:
    asked: Any = {"model": model, "max_tokens": 2048, "messages": said(TEXT), "thinking": thinking}
    whole = await clients.anthropic.messages.create(**asked)
    assert [each.type for each in whole.content] == ["thinking", "text"]
    assert whole.content[0].thinking == "Hm, one moment."
    async with clients.anthropic.messages.stream(**asked) as stream:
        events: list[Any] = [event async for event in stream]
        final: Any = await stream.get_final_message()
    thought = "".join(each.thinking for each in events if each.type == "thinking")
    assert (thought, final.content[0].thinking, final.content[1].text) == (
        "Hm, one moment.",
        "Hm, one moment.",
        "So it is.",
    )


async def test_geminis_door_shows_thoughts(clients: Clients, model: str) -> None:
    asked = config(thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_budget=1024))
    models = clients.google.aio.models
    whole: Any = await models.generate_content(model=model, contents=TEXT, config=asked)
    parts = whole.candidates[0].content.parts
    assert [(bool(each.thought), each.text) for each in parts if each.text] == [
        (True, "Hm, one moment."),
        (False, "So it is."),
    ]
    assert whole.text == "So it is."
    stream = await models.generate_content_stream(model=model, contents=TEXT, config=asked)
    pieces: list[Any] = [
        part
        async for chunk in stream
        for candidate in chunk.candidates or ()
        for part in (candidate.content and candidate.content.parts) or ()
    ]
    assert "".join(each.text or "" for each in pieces if each.thought) == "Hm, one moment."
    assert "".join(each.text or "" for each in pieces if not each.thought) == "So it is."


@pytest.mark.parametrize("model", ["anthropic/any", "gemini/gemini-3-pro"])
async def test_a_loop_that_a_host_has_signed_goes_on_with_a_strict_one_of_geminis(
    clients: Clients, model: str
) -> None:
    """What another host has signed does not go there; the call is marked as one that nobody has to judge."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    look = types.FunctionDeclaration(name="look", parameters_json_schema=schema)
    asked = config(
        tools=[types.Tool(function_declarations=[look])],
        thinking_config=types.ThinkingConfig(include_thoughts=True),
    )
    generate = clients.google.aio.models.generate_content
    first = types.UserContent(f'[[reason Hm.]] [[call look {{"city": "{model}"}}]]')
    began = await generate(model=model, contents=first, config=asked)
    assert began.candidates
    assert began.candidates[0].content is not None
    [call] = began.function_calls or []
    answer = types.FunctionResponse(id=call.id, name="look", response={"output": "4 degrees"})
    contents: Any = [
        first,
        began.candidates[0].content,
        types.UserContent([types.Part(function_response=answer)]),
    ]
    told = await generate(model="gemini/gemini-3-pro", contents=contents, config=asked)
    assert told.text == "The tools said: 4 degrees"
