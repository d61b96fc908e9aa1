"""Tokens through the nine pairs: what the host used is what each SDK reads, cached and thought included."""

from typing import Any

import pytest

from podium.simulator import Served
from tests.doors.pairs.setting import Clients, said
from tests.doors.podium import Podium
from tests.simulator.serving import wait_until_idle

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning"),  # Google's SDK does that
]

TEXT = "[[cached=6]] [[reason One two three.]] [[say Four five.]] and some more words"


async def served(house: Podium) -> tuple[int, int, int]:
    """Of the last call, by the host's own count: input without the cached six, output with its thoughts, thoughts."""
    call = await wait_until_idle(house.host)
    assert isinstance(call, Served)
    assert call.cached_input == 6
    assert call.reasoning > 0
    return call.input, call.output + call.reasoning, call.reasoning


async def test_openais_door_tells_cached_and_reasoning_tokens(
    clients: Clients, house: Podium, model: str
) -> None:
    create: Any = clients.openai.chat.completions.create
    whole = (await create(model=model, messages=said(TEXT))).usage
    fresh, out, thought = await served(house)
    told = {"include_usage": True}
    stream = await create(model=model, messages=said(TEXT), stream=True, stream_options=told)
    streamed = [chunk async for chunk in stream]
    assert streamed[-1].choices == []
    for usage in (whole, streamed[-1].usage):
        assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (fresh + 6, 6)
        assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (out, thought)
        assert usage.total_tokens == fresh + 6 + out


async def test_anthropics_door_tells_cached_and_thinking_tokens(
    clients: Clients, house: Podium, model: str
) -> None:
    create: Any = clients.anthropic.messages.create
    whole = (await create(model=model, max_tokens=99, messages=said(TEXT))).usage
    fresh, out, thought = await served(house)
    async with clients.anthropic.messages.stream(model=model, max_tokens=99, messages=said(TEXT)) as stream:
        events: list[Any] = [each async for each in stream]
        final = (await stream.get_final_message()).usage
    [end] = [each.usage for each in events if each.type == "message_delta"]
    counts: list[Any] = [whole, final, end]
    for usage in counts:
        assert (usage.input_tokens, usage.cache_read_input_tokens) == (fresh, 6)
        assert usage.output_tokens == out
        assert usage.output_tokens_details.thinking_tokens == thought


async def test_geminis_door_tells_cached_and_thought_tokens(
    clients: Clients, house: Podium, model: str
) -> None:
    models = clients.google.aio.models
    whole = (await models.generate_content(model=model, contents=TEXT)).usage_metadata
    fresh, out, thought = await served(house)
    chunks = [each async for each in await models.generate_content_stream(model=model, contents=TEXT)]
    for usage in (whole, chunks[-1].usage_metadata):
        assert usage is not None
        assert (usage.prompt_token_count, usage.cached_content_token_count) == (fresh + 6, 6)
        assert (usage.candidates_token_count, usage.thoughts_token_count) == (out - thought, thought)
        assert usage.total_token_count == fresh + 6 + out
