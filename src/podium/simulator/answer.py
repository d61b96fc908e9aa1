"""From a plan to the deltas of an answer, each with the tokens that it costs."""

import itertools
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from podium.simulator.count import prompt_tokens, split
from podium.simulator.instance import instance
from podium.simulator.plan import Plan, Wanted
from podium.simulator.signature import sign_call, sign_thought
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    FinishReason,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import (
    Audio,
    Document,
    Extra,
    Image,
    Json,
    Part,
    Reasoning,
    ToolCall,
    ToolResult,
    Video,
    plain_text,
)
from podium.vocabulary.request import Line, Request, Schema, Tool
from podium.vocabulary.usage import HostUsage, Usage

_PROSE = (
    " the quick brown fox jumps over the lazy dog while the old clock on the wall counts each of its steps,"
    " and nobody in the house can say how often they have met."
)
_ABSURD = 10**12
_MOST_CHOICES = 128
_COUNTS = {
    "openai_chat": ("prompt_tokens", "completion_tokens"),
    "anthropic": ("input_tokens", "output_tokens"),
    "gemini": ("promptTokenCount", "candidatesTokenCount"),
}
"""What each wire calls the tokens in and out, for counts that no honest writer would write."""


class Piece(NamedTuple):
    """A delta and the output tokens in it; `shown` if a person would see it."""

    delta: Delta
    tokens: int = 0
    shown: bool = False


def speak(plan: Plan, request: Request, started: AnswerStarted, wire: str) -> Iterator[Piece]:
    """All pieces of the answer to a request on this wire, usage last."""
    said, thought = 0, 0
    yield Piece(started)
    if wire == "anthropic":  # its hosts tell what went in at once, and the whole count at the end
        yield from (Piece(delta) for delta in _opening(plan, replace(input_usage(plan, request), output=1)))
    for choice in range(min(max(request.sampling.choices or 1, 1), _MOST_CHOICES)):
        for piece in _one_choice(_Speech(plan, request, choice, wire)):
            is_thought = isinstance(piece.delta, ReasoningDelta)
            said, thought = said + piece.tokens * (not is_thought), thought + piece.tokens * is_thought
            yield piece
    usage = replace(input_usage(plan, request), output=said, reasoning=thought)
    yield from (Piece(delta) for delta in _usage(plan, usage, wire))


def input_usage(plan: Plan, request: Request) -> Usage:
    """What a request costs before anything is said; as much of it as the plan wants comes from a cache."""
    total = prompt_tokens(request)
    cached = min(max(plan.cached, 0), total)
    return Usage(input=total - cached, cached_input=cached)


def prompt(request: Request) -> str:
    """What the user said last."""
    lines = (line for line in reversed(request.lines) if line.role == "user")
    return plain_text(next(lines, Line("user", ())).parts)


def rounds_played(request: Request) -> int:
    """How many rounds of tool calls have followed what the user said last."""
    since = itertools.takewhile(lambda line: line.role != "user", reversed(request.lines))
    lines = [line.role for line in since]
    return sum(1 for role, group in itertools.groupby(lines) if role == "tool" and any(group))


class _Speech:
    """One choice in the making: numbers its parts and stops when the cap on output is reached."""

    def __init__(self, plan: Plan, request: Request, choice: int, wire: str) -> None:
        self.plan = plan
        self.request = request
        self.choice = choice
        self.wire = wire
        self.left = request.sampling.max_output
        self.cut = False
        self._index = -1

    def next_index(self) -> int:
        self._index += 1
        return self._index

    def chunks(self, text: str) -> Iterator[tuple[str, int]]:
        """The text in chunks of the plan's size, each with its number of tokens, up to the cap."""
        tokens, size = split(text), max(self.plan.chunk, 1)
        if self.left is not None:
            self.cut = self.cut or len(tokens) > self.left
            tokens = tokens[: self.left]
            self.left -= len(tokens)
        for at in range(0, len(tokens), size):
            some = tokens[at : at + size]
            yield "".join(some), len(some)


def _one_choice(speech: _Speech) -> Iterator[Piece]:
    plan, choice = speech.plan, speech.choice
    if plan.reason is not None:
        yield from _thought(speech, _words(plan.reason or "Let me think."))
    if plan.refuse is not None:
        index = speech.next_index()
        for text, count in speech.chunks(plan.refuse):
            yield Piece(RefusalDelta(index, text, choice), count, shown=True)
    calls = () if plan.refuse is not None else plan.calls or _demanded(speech.request)
    text = "" if plan.refuse is not None else _text(plan, speech.request, has_calls=bool(calls))
    stop = _first_stop(text, speech.request.sampling.stop)
    if stop is not None:
        text, calls = text.partition(stop)[0], ()
    index = speech.next_index() if text else 0
    for chunk, count in speech.chunks(text):
        yield Piece(TextDelta(index, chunk, choice), count, shown=True)
    for number, wanted in enumerate(calls):
        yield from _call(speech, wanted, number)
    yield from _finish(speech, has_calls=bool(calls), stop=stop)


def _thought(speech: _Speech, text: str) -> Iterator[Piece]:
    index, thought = speech.next_index(), ""
    for more, count in speech.chunks(text):
        thought += more
        yield Piece(ReasoningDelta(index, more, speech.choice), count, shown=True)
    signature = sign_thought(speech.wire, speech.request.model, thought)
    if signature is not None:
        yield Piece(PartDone(index, Reasoning(thought, signature), speech.choice))


def _call(speech: _Speech, wanted: Wanted, number: int) -> Iterator[Piece]:
    if speech.cut:
        return
    index, choice = speech.next_index(), speech.choice
    call_id = f"call_{len(speech.request.lines)}_{choice}_{number}"
    tool = next((tool for tool in speech.request.tools if tool.name == wanted.name), None)
    arguments = _made_up(tool) if wanted.arguments is None else wanted.arguments
    kind: Literal["function", "custom"] = (
        "custom" if tool is not None and tool.kind == "custom" else "function"
    )
    yield Piece(ToolCallStarted(index, call_id, wanted.name, choice, kind), 0, shown=True)
    for text, count in speech.chunks(arguments):
        yield Piece(ToolCallDelta(index, text, choice), count, shown=True)
    signature = sign_call(speech.wire, speech.request.model, wanted.name, arguments)
    if signature is not None and number == 0 and not speech.cut:
        whole = ToolCall(call_id, wanted.name, arguments, kind, signature)
        yield Piece(PartDone(index, whole, choice))
    if not speech.cut:
        yield Piece(ToolCallCompleted(index, choice))


def _finish(speech: _Speech, *, has_calls: bool, stop: str | None) -> Iterator[Piece]:
    """The end, twice if the plan says so. Anthropic's hosts tell which word of the request's was hit."""
    finish, choice = speech.plan.finish, speech.choice
    reason: FinishReason = "length" if speech.cut else "tool_calls" if has_calls else "stop"
    if finish in get_args(FinishReason):
        reason = finish  # type: ignore[assignment]  # the line above has narrowed it
    extra = None
    if stop is not None and reason == "stop" and speech.wire == "anthropic":
        told = msgspec.json.encode({"stop_reason": "stop_sequence", "stop_sequence": stop})
        extra = Extra(speech.wire, {"stop": Raw(told)})
    for _ in range({"none": 0, "twice": 2}.get(finish, 1)):
        yield Piece(Finished(reason, choice, extra=extra))


def _opening(plan: Plan, usage: Usage) -> Iterator[UsageSeen]:
    """The count so far, where it is told truly; else nothing of it is known before the end."""
    if plan.usage in ("true", "cumulative"):
        yield UsageSeen(usage)
    else:
        yield UsageSeen(usage, HostUsage("anthropic", Raw(b"{}")))


def _usage(plan: Plan, usage: Usage, wire: str) -> Iterator[UsageSeen]:
    """The count as the plan wants it told. `cumulative` tells it twice, growing; a reader must not add them up."""
    match plan.usage:
        case "absent":
            if wire == "anthropic":  # the member itself cannot be left out
                yield UsageSeen(usage, HostUsage(wire, Raw(b"{}")))
        case "float" | "text":
            counts: list[float | str] = [usage.input_total + 0.5, usage.output_total + 0.5]
            told = counts if plan.usage == "float" else ["many", "a few"]
            value = msgspec.json.encode(dict(zip(_COUNTS[wire], told, strict=True)))
            yield UsageSeen(usage, HostUsage(wire, Raw(value)))
        case "null":
            yield UsageSeen(usage, HostUsage(wire, Raw(b"null")))
        case "negative":
            yield UsageSeen(Usage(input=-usage.input, output=-usage.output))
        case "absurd":
            yield UsageSeen(Usage(input=_ABSURD, output=_ABSURD))
        case "cumulative":
            yield UsageSeen(replace(usage, output=usage.output // 2))
            yield UsageSeen(usage)
        case _:
            yield UsageSeen(usage)


def _text(plan: Plan, request: Request, *, has_calls: bool) -> str:
    results = _tool_results(request)
    if plan.say is not None:
        text = plan.say
    elif plan.tokens is not None:
        text = _prose(plan.tokens)
    elif has_calls:
        text = ""
    elif plan.recall:
        text = "\n".join(f"{line.role}: {_told(line.parts)}" for line in request.lines)
    elif request.schema is not None:
        text = _shaped(request.schema, plan.text)
    elif results:
        text = f"The tools said: {results}"
    else:
        text = f"You said: {plan.text}" if plan.text else "You said nothing."
    return text


def _shaped(schema: Schema, text: str) -> str:
    """An answer of the shape that was asked for: JSON, or the bare word of a choice by Gemini's media type."""
    made = {"echo": text} if schema.schema is None else _fitting(schema.schema, text)
    mime = schema.extra.members.get("mime", Raw(b"null")) if schema.extra is not None else Raw(b"null")
    if isinstance(made, str) and msgspec.json.decode(mime) == "text/x.enum":
        return made
    return msgspec.json.encode(made).decode()


def _first_stop(text: str, stops: tuple[str, ...]) -> str | None:
    """Which of these words comes first in the text; None if none does."""
    hit = [stop for stop in stops if stop and stop in text]
    return min(hit, key=text.find, default=None)


def _told(parts: tuple[Part, ...]) -> str:
    """What parts say, text or else JSON, and what media they hold."""
    values = (bytes(part.value).decode() for part in parts if isinstance(part, Json))
    media = (_medium(part) for part in parts if isinstance(part, Image | Audio | Video | Document))
    return " ".join(filter(None, (plain_text(parts) or " ".join(values), *media)))


def _medium(part: Image | Audio | Video | Document) -> str:
    """Such as `[image image/png, 70 bytes]` or `[document https://example.com/a.pdf]`."""
    kind, media = type(part).__name__.lower(), part.media
    if media.kind != "inline":
        return f"[{kind} {media.value}]"
    size = len(media.value.rstrip("=")) * 3 // 4  # of what base64 tells
    return f"[{kind} {media.media_type}, {size} bytes]"


def _tool_results(request: Request) -> str:
    """The results that the request ends with."""
    last = itertools.takewhile(lambda line: line.role == "tool", reversed(request.lines))
    parts = [part for line in reversed(list(last)) for part in line.parts]
    return "; ".join(_told(part.parts) for part in parts if isinstance(part, ToolResult))


def _demanded(request: Request) -> tuple[Wanted, ...]:
    """The call that a request insists on where no rule asked for one; not again once a tool has answered."""
    choice = request.tool_choice
    if choice is None or choice.mode != "required" or not request.tools or _tool_results(request):
        return ()
    return (Wanted(choice.names[0] if choice.names else request.tools[0].name),)


def _made_up(tool: Tool | None) -> str:
    if tool is None or tool.parameters is None:
        return "{}"
    return msgspec.json.encode(_fitting(tool.parameters, "text")).decode()


def _fitting(schema: Raw, text: str) -> object:
    return instance(msgspec.json.decode(schema), text=text or "text")


def _words(text: str) -> str:
    """The text itself, or with `tokens=N` that many tokens of prose."""
    head, _, count = text.partition("tokens=")
    return _prose(int(count)) if not head and count.isdigit() else text


def _prose(tokens: int) -> str:
    return "".join(itertools.islice(itertools.cycle(split(_PROSE)), max(tokens, 0))).lstrip()
