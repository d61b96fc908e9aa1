"""The third number: recorded requests that go to a host of another wire."""

import json
from collections.abc import AsyncIterator
from typing import Any

from tests.outside import asked_chat, asked_generate, asked_messages
from tests.outside.answer import Outcome, own_question
from tests.outside.asked import Asked
from tests.outside.exchange import WIRES, Exchange, Json, Reply, Wire
from tests.outside.heard import difference
from tests.outside.house import House, Passage, Question

READ = {"openai_chat": asked_chat.read, "anthropic": asked_messages.read, "gemini": asked_generate.read}
MODELS: dict[Wire, str] = {
    "openai_chat": "gpt-5-mini",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
}
_HI: dict[Wire, Json] = {
    "openai_chat": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    },
}
_WORDS: dict[str, tuple[str, ...]] = {
    "system": ("messages[", "system", "contents["),
    "turns": ("messages[", "contents[", "citations", "title", "context"),
    "parallel": ("parallel", "tool_choice"),
    "format": ("response_format", "output_config", "responseSchema", "responseMimeType", "schema"),
    "effort": ("effort", "thinking", "reasoning"),
    "sampling.top_p": ("top_p", "topP"),
    "sampling.top_k": ("top_k", "topK"),
    "sampling.presence": ("presence",),
    "sampling.frequency": ("frequency",),
    "sampling.seed": ("seed",),
    "sampling.temperature": ("temperature",),
}
"""What `x-podium-dropped` may call a field whose difference it tells."""
_HINTS = ("parallel", "effort", "sampling.seed", "sampling.top_k", "sampling.presence", "sampling.frequency")
"""Fields that carry no meaning: dropped and named, the request still means the same."""


def to_wire(exchange: Exchange, wire: Wire) -> Question:
    """The recorded request at its own door, for a model of another wire."""
    question = own_question(exchange, ask_usage=False)
    if exchange.wire == "gemini":
        head, _, tail = question.path.partition("{endpoint}/")
        action = tail.rpartition(":")[2]
        return Question(f"{head}{{endpoint}}/{MODELS[wire]}:{action}", question.body)
    body: Json = json.loads(question.body)
    body["model"] = f"{{endpoint}}/{MODELS[wire]}"
    return Question(question.path, json.dumps(body).encode(), question.headers)


def judge(exchange: Exchange, wire: Wire, passage: Passage) -> tuple[str, str]:
    """What became of it (same, hinted, refused, silent, lost, error) and how."""
    got = passage.got
    if len(passage.sent) != 1:
        told = got.body[:300].decode("utf-8", "replace")
        refused = 400 <= got.status < 500
        return ("refused" if refused else "error"), f"{got.status}: {told}"
    before, after = READ[exchange.wire](exchange.request or {}), READ[wire](json.loads(passage.sent[0].body))
    _settle(before, after, wire)
    told, silent, lost = got.dropped, [], []
    ours, theirs = after.told(), before.told()
    for name in {**theirs, **ours}:
        expected, found = theirs.get(name), ours.get(name)
        if expected == found or (name == "sampling.max" and expected is None):
            continue
        words = f"{name}: {difference(expected, found) or found}"
        if any(word in each for word in _WORDS.get(name, ()) for each in told):
            if name not in _HINTS:
                lost.append(words)
        else:
            silent.append(words)
    silent += [
        f"{name} is not told" for name in before.unread if not any(_is_named(name, each) for each in told)
    ]
    carried = passage.sent[0].body.decode()
    silent += [
        f"{word} is not told"
        for word in before.hints
        if not any(word in each for each in told) and f'"{word}"' not in carried
    ]
    if silent:
        return "silent", "; ".join([*silent, f"dropped: {told}"])
    if lost:
        return "lost", "; ".join([*lost, f"dropped: {told}"])
    return ("hinted" if told else "same"), ""


def _is_named(name: str, told: str) -> bool:
    return name.replace("_", "").lower() in told.replace("_", "").lower()


def _settle(before: Asked, after: Asked, wire: Wire) -> None:
    """Ways of saying the same that only two requests together can tell."""
    if not before.tools and before.choice in (("auto", ()), ("none", ())):
        before.choice = None
    for each in (before, after):
        if each.choice == ("auto", ()):
            each.choice = None
        if each.parallel is True:
            each.parallel = None
    _settle_choice(before, after)
    if wire == "anthropic" and before.format is not None and after.format is None:
        _settle_format(before, after)
    if before.effort is None and after.effort is False:
        after.effort = None
    if before.effort is False and after.effort is None:
        before.effort = None
    for name, default in (("temperature", 1), ("top_p", 1), ("presence", 0), ("frequency", 0)):
        if before.sampling.get(name) == default and name not in after.sampling:
            del before.sampling[name]


def _settle_choice(before: Asked, after: Asked) -> None:
    """Several allowed functions are the tools that are left."""
    if before.choice is None or len(before.choice[1]) == 0:
        return
    mode, names = before.choice
    if set(after.tools) == set(names):
        before.tools = {name: tool for name, tool in before.tools.items() if name in names}
        if after.choice in ((mode, ()), None if mode == "auto" else ""):
            before.choice = after.choice


def _settle_format(before: Asked, after: Asked) -> None:
    """A wire without schemas is made to call a tool of that shape."""
    extra = [name for name in after.tools if name not in before.tools]
    if len(extra) == 1 and after.choice is not None and after.choice[0] == "required":
        schema: Any = after.tools.pop(extra[0])["schema"]
        wanted = before.format
        inner = (schema.get("properties") or {}).values()
        if wanted == "json" or schema == wanted or wanted in inner:
            before.format = None
            before.choice = after.choice = None
            after.parallel = before.parallel


async def run(house: House, exchange: Exchange) -> AsyncIterator[Outcome]:
    """To both other wires."""
    if exchange.request is None:
        return
    for wire in WIRES:
        if wire == exchange.wire:
            continue
        reply = Reply(200, "application/json", json.dumps(_HI[wire]).encode())
        passage = await house.pass_through(wire, to_wire(exchange, wire), reply)
        kind, how = judge(exchange, wire, passage)
        check = f"{exchange.wire} → {wire}"
        yield Outcome(check, exchange.name, exchange.family, f"{kind} {how}" if kind not in ("same", "hinted") else "")
