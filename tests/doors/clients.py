"""The official SDKs as clients of the three dialects, unchanged, so that one test can ask through every door.

told = await ask(url, "anthropic", "openai_chat/any", "hello", stream=True)
told.text, told.finish, told.status …          # what the SDK showed its caller, up to the error that it raised
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anthropic
import openai
from anthropic import AsyncAnthropic
from google import genai
from google.genai import errors, types
from openai import AsyncOpenAI

from tests.doors.podium import ADMIN_KEY

WIRES = ("openai_chat", "anthropic", "gemini")


@dataclass
class Told:
    """What one call showed its caller. `finish` is the dialect's own word, `usage` tokens in and out as it counts.

    `calls` are names and arguments as the SDK has them; `error` is what it raised, `status` that error's.
    """

    text: str = ""
    finish: str | None = None
    usage: tuple[int, int] | None = None
    calls: list[tuple[str, str]] = field(default_factory=list)
    error: Exception | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return str(self.error)


@dataclass(frozen=True)
class Asked:
    """One question: where, of which model, what, and with which headers and key."""

    url: str
    model: str
    text: str
    stream: bool
    headers: dict[str, str]
    key: str


async def ask(
    url: str,
    door: str,
    model: str,
    text: str,
    *,
    stream: bool = False,
    headers: Mapping[str, str] | None = None,
    key: str = ADMIN_KEY,
) -> Told:
    """One question through this door, heard to its end, good or bad. The SDK makes no retries of its own."""
    told = Told()
    try:
        await _ASKERS[door](told, Asked(url, model, text, stream, dict(headers or {}), key))
    except (openai.APIError, anthropic.APIError, errors.APIError) as error:
        told.error = error
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        told.status = status if isinstance(status, int) else None  # in mid-stream OpenAI's has none
        response = getattr(error, "response", None)
        told.headers = {name.lower(): value for name, value in getattr(response, "headers", {}).items()}
    return told


async def _openai(told: Told, asked: Asked) -> None:
    options: Any = {"api_key": asked.key, "max_retries": 0, "default_headers": asked.headers}
    async with AsyncOpenAI(base_url=f"{asked.url}/v1", **options) as client:
        create: Any = client.chat.completions.create
        messages = [{"role": "user", "content": asked.text}]
        if not asked.stream:
            whole = await create(model=asked.model, messages=messages)
            [choice] = whole.choices
            told.text, told.finish = choice.message.content or "", choice.finish_reason
            told.calls = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()]
            told.usage = _counted(whole.usage, "prompt_tokens", "completion_tokens")
            return
        usage = {"include_usage": True}
        stream = await create(model=asked.model, messages=messages, stream=True, stream_options=usage)
        async for chunk in stream:
            told.usage = _counted(chunk.usage, "prompt_tokens", "completion_tokens") or told.usage
            for choice in chunk.choices:
                told.text += choice.delta.content or ""
                told.finish = choice.finish_reason or told.finish
                for call in choice.delta.tool_calls or ():
                    _call_piece(told, call.index, call.function.name, call.function.arguments)


async def _anthropic(told: Told, asked: Asked) -> None:
    options: Any = {"api_key": asked.key, "max_retries": 0, "default_headers": asked.headers}
    async with AsyncAnthropic(base_url=asked.url, **options) as client:
        create: Any = client.messages.create
        members = {"model": asked.model, "max_tokens": 100_000} | {
            "messages": [{"role": "user", "content": asked.text}]
        }
        if not asked.stream:
            whole = await create(**members, timeout=60)
            told.text = "".join(block.text for block in whole.content if block.type == "text")
            told.calls = [(b.name, str(b.input)) for b in whole.content if b.type == "tool_use"]
            told.finish = whole.stop_reason
            told.usage = _counted(whole.usage, "input_tokens", "output_tokens")
            return
        async for event in await create(**members, stream=True):
            if event.type == "content_block_start" and event.content_block.type == "tool_use":
                told.calls.append((event.content_block.name, ""))
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                told.text += event.delta.text
            elif event.type == "content_block_delta" and event.delta.type == "input_json_delta":
                _call_piece(told, len(told.calls) - 1, None, event.delta.partial_json)
            elif event.type == "message_delta":
                told.finish = event.delta.stop_reason
                told.usage = _counted(event.usage, "input_tokens", "output_tokens")


async def _gemini(told: Told, asked: Asked) -> None:
    options = types.HttpOptions(base_url=asked.url, headers=asked.headers)
    client = genai.Client(api_key=asked.key, http_options=options)
    models = client.aio.models
    try:
        if not asked.stream:
            _take(told, await models.generate_content(model=asked.model, contents=asked.text))
            return
        async for chunk in await models.generate_content_stream(model=asked.model, contents=asked.text):
            _take(told, chunk)
    finally:
        await client.aio.aclose()


def _take(told: Told, chunk: types.GenerateContentResponse) -> None:
    for candidate in chunk.candidates or ():
        told.finish = candidate.finish_reason.value if candidate.finish_reason else told.finish
        for part in (candidate.content and candidate.content.parts) or ():
            told.text += part.text or ""
            if part.function_call is not None:
                told.calls.append((part.function_call.name or "", str(part.function_call.args)))
    usage = chunk.usage_metadata
    if usage is not None and usage.prompt_token_count is not None:
        told.usage = (usage.prompt_token_count, usage.candidates_token_count or 0)


def _call_piece(told: Told, index: int, name: str | None, arguments: str | None) -> None:
    if index == len(told.calls):
        told.calls.append((name or "", ""))
    said = told.calls[index]
    told.calls[index] = (said[0], said[1] + (arguments or ""))


def _counted(usage: object, into: str, out: str) -> tuple[int, int] | None:
    return None if usage is None else (getattr(usage, into), getattr(usage, out))


_ASKERS: Mapping[str, Callable[[Told, Asked], Awaitable[None]]] = {
    "openai_chat": _openai,
    "anthropic": _anthropic,
    "gemini": _gemini,
}
