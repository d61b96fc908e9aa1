"""The third number: recorded requests that go to a host of another wire."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

from tests.outside import asked_chat, asked_generate, asked_messages
from tests.outside.answer import own_question
from tests.outside.asked import Asked
from tests.outside.exchange import WIRES, Exchange, Json, Reply, Wire
from tests.outside.heard import difference
from tests.outside.house import House, Passage, Question
from tests.outside.outcome import Outcome

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
_MEMBER = re.compile(r"^[\w.\[\]]+: |`[\w.\[\]]+`")
_WORDS: dict[str, tuple[str, ...]] = {
    "system": ("messages[", "system", "contents["),
    "turns": ("messages[", "contents[", "citations", "title", "context"),
    "parallel": ("parallel", "tool_choice"),
    "format": ("response_format", "output_config", "responseSchema", "responseMimeType", "schema"),
    "effort": ("effort", "thinking", "reasoning"),
    "sampling.max": ("max_tokens", "max_completion_tokens", "maxOutputTokens"),
    "sampling.top_p": ("top_p", "topP"),
    "sampling.top_k": ("top_k", "topK"),
    "sampling.presence": ("presence",),
    "sampling.frequency": ("frequency",),
    "sampling.seed": ("seed",),
    "sampling.temperature": ("temperature",),
}
"""What `x-podium-dropped` may call a field whose difference it tells."""
_ELSEWHERE = {"is_error": "error", "error": "is_error"}
"""What another wire calls a hint."""
_HINTS = (
    "parallel",
    "effort",
    *(f"sampling.{name}" for name in ("max", "seed", "top_p", "top_k", "presence", "frequency")),
)
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
    """What became of it, and how."""
    got = passage.got
    if len(passage.sent) != 1:
        is_refusal = got.status == 400 and _names_member(got.body)
        return (
            "refused" if is_refusal else "fault",
            f"{got.status}: {got.body[:300].decode('utf-8', 'replace')}",
        )
    carried = passage.sent[0].body.decode()
    before, after = READ[exchange.wire](exchange.request or {}), READ[wire](json.loads(carried))
    _settle(before, after)
    silent, lost = _changes(before, after, got.dropped)
    silent += [
        f"{name} is not told"
        for name in before.unread
        if not any(_is_named(name, each) for each in got.dropped)
    ]
    silent += [
        f"{word} is not told"
        for word in before.hints
        if not any(word in each for each in got.dropped)
        and word not in carried
        and _ELSEWHERE.get(word, word) not in carried
    ]
    if silent or lost:
        return "silent" if silent else "lost", "; ".join([*silent, *lost, f"dropped: {got.dropped}"])
    return ("hinted" if got.dropped else "same"), ""


def _changes(before: Asked, after: Asked, dropped: list[str]) -> tuple[list[str], list[str]]:
    """What is asked otherwise: in silence, and named though it meant something."""
    silent, lost = list[str](), list[str]()
    theirs, ours = before.told(), after.told()
    if any(each.startswith(_WORDS["system"]) for each in dropped):
        _move_system(theirs, ours)
    for name in {**theirs, **ours}:
        expected, found = theirs.get(name), ours.get(name)
        if expected == found or (name == "sampling.max" and expected is None):
            continue
        words = f"{name}: {difference(expected, found) or found}"
        if not any(word in each for word in _WORDS.get(name, ()) for each in dropped):
            silent.append(words)
        elif name not in _HINTS:
            lost.append(words)
    return silent, lost


def _names_member(body: bytes) -> bool:
    """Whether a refusal says which member it is about, in the place that its dialect has for that."""
    error = json.loads(body)["error"]
    fields = [
        each.get("field") for d in error.get("details") or () for each in d.get("fieldViolations") or ()
    ]
    return bool(error.get("param") or any(fields) or _MEMBER.search(error["message"]))


def _move_system(theirs: Json, ours: Json) -> None:
    """An instruction that stands elsewhere and is told to do so: the same is said in all."""
    everything = [each["system"] + "".join(turn["text"] for turn in each["turns"]) for each in (theirs, ours)]
    if sorted(everything[0]) == sorted(everything[1]):
        theirs["system"] = ours["system"]
        if len(theirs["turns"]) != len(ours["turns"]) or theirs["system"] != ours["system"]:
            theirs["turns"] = ours["turns"]


def _is_named(name: str, told: str) -> bool:
    return name.replace("_", "").lower() in told.replace("_", "").lower()


def _settle(before: Asked, after: Asked) -> None:
    """Ways of saying the same that only two requests together can tell."""
    if not before.tools and before.choice in (("auto", ()), ("none", ())):
        before.choice = None
    for each in (before, after):
        if each.choice == ("auto", ()):
            each.choice = None
        if each.parallel is True:
            each.parallel = None
    _settle_choice(before, after)
    if before.format is not None and after.format is None:
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
        inner = [_plain(each) for each in (schema.get("properties") or {}).values()]
        if wanted in ("json", schema) or _plain(wanted) in inner:
            before.format = None
            before.choice = after.choice = None
            after.parallel = before.parallel


def _plain(schema: Any) -> Any:
    """A schema without its definitions, which stand at the top of the whole."""
    return {k: v for k, v in schema.items() if k != "$defs"} if isinstance(schema, dict) else schema


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
        yield Outcome(3, check, exchange.name, exchange.family, kind, how)
