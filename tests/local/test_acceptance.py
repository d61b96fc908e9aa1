"""What the model in the house must do, over the official SDK: real tokens, real cancellation, a real death."""

import asyncio
import os
import signal
import time
from pathlib import Path

import httpx2
import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
from pydantic import BaseModel

from podium.providers.local.model import SLOTS
from tests.local.conftest import Host

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]


def said(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def streamed(
    client: AsyncOpenAI, model: str, text: str, *, most: int = 40
) -> list[ChatCompletionChunk]:
    stream = await client.chat.completions.create(
        model=model,
        messages=said(text),
        stream=True,
        max_tokens=most,
        stream_options={"include_usage": True},
    )
    async with stream:
        return [chunk async for chunk in stream]  # closed by the `with` above


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_a_chat_streams(host: Host) -> None:
    async with host.client() as client:
        chunks = await streamed(client, host.model, "Tell me about the sea.")
    finished = [choice.finish_reason for chunk in chunks for choice in chunk.choices if choice.finish_reason]
    usage = chunks[-1].usage
    assert usage is not None
    assert finished in (["stop"], ["length"])
    assert len(text_of(chunks)) > 20
    assert 0 < usage.completion_tokens <= 40
    assert usage.prompt_tokens > 5
    assert len(chunks) >= usage.completion_tokens - 2, "each token comes by itself, not all at the end"


async def test_an_answer_keeps_to_a_json_schema(host: Host) -> None:
    class City(BaseModel):
        name: str
        population: int
        is_capital: bool

    async with host.client() as client:
        answer = await client.chat.completions.parse(
            model=host.model,
            messages=said("Describe Paris as JSON."),
            response_format=City,
            max_tokens=200,
            temperature=0,
        )
    assert isinstance(answer.choices[0].message.parsed, City)


async def test_ten_turns_of_one_conversation(host: Host) -> None:
    history, prompts = said("Hello! Let us talk about trees."), list[int]()
    async with host.client() as client:
        for turn in range(10):
            answer = await client.chat.completions.create(
                model=host.model, messages=history, max_tokens=60, temperature=0.7, seed=turn
            )
            text = answer.choices[0].message.content
            assert text
            assert answer.usage is not None
            prompts.append(answer.usage.prompt_tokens)
            history += [{"role": "assistant", "content": text}, *said(f"And what else, number {turn}?")]
    assert prompts == sorted(prompts)
    assert prompts[-1] > 250, "it was given all that was said before"


async def test_eight_conversations_at_once(host: Host) -> None:
    async with host.client() as client:
        answers = await asyncio.gather(
            *(streamed(client, host.model, f"Tell me story number {number}.") for number in range(8))
        )
    for chunks in answers:
        assert text_of(chunks)
        assert any(choice.finish_reason for chunk in chunks for choice in chunk.choices)


async def test_cancelling_frees_the_slot(host: Host) -> None:
    async with host.client() as client:

        async def leave_early(number: int) -> None:
            stream = await client.chat.completions.create(
                model=host.model,
                messages=said(f"Count to a million, starting at {number}."),
                stream=True,
                max_tokens=3_000,
                extra_body={"ignore_eos": True},
            )
            async with stream:
                for _ in range(3):
                    await anext(stream)

        await asyncio.gather(*(leave_early(number) for number in range(2 * SLOTS)))
        # Had they gone on, it would work on 24,000 tokens: minutes, and half a minute on the best of machines.
        pid = host.pid()
        assert pid is not None
        await wait_idle(pid, within=10)
        answer = await client.chat.completions.create(
            model=host.model, messages=said("Say hi."), max_tokens=5
        )
    assert answer.choices[0].finish_reason


async def wait_idle(pid: int, *, within: float) -> None:
    """Return when a process has used no processor time for half a second."""
    deadline, before = time.monotonic() + within, -1
    while before != (used := ticks(pid)):
        assert time.monotonic() < deadline, "it still works"
        before = used
        await asyncio.sleep(0.5)


def ticks(pid: int) -> int:
    """Processor time used so far, in hundredths of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def test_its_death_in_mid_stream_is_an_error_and_the_next_call_finds_it_alive(host: Host) -> None:
    async with host.client() as client:
        stream = await client.chat.completions.create(
            model=host.model, messages=said("Tell me a long story."), stream=True, max_tokens=900
        )
        first = host.pid()
        assert first is not None
        await anext(stream)
        os.kill(first, signal.SIGKILL)
        with pytest.raises((openai.APIError, httpx2.HTTPError)):
            await drained(stream)
    async with host.client() as client:
        again = await client.chat.completions.create(model=host.model, messages=said("Say hi."), max_tokens=5)
    assert again.choices[0].message.content
    assert host.pid() not in {first, None}


async def drained(stream: openai.AsyncStream[ChatCompletionChunk]) -> None:
    async for _ in stream:
        pass
