"""Hand-written answers: events, streams and messages as hosts send them, and a wire to read them with."""

import itertools
import json
from typing import Any

from podium.errors import ProviderError
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import Delta
from podium.wires.anthropic import Anthropic
from podium.wires.wire import Wire

WIRE: Wire = Anthropic()
USAGE = {"input_tokens": 9, "output_tokens": 1}
STOP = b'event: message_stop\ndata: {"type":"message_stop"       }\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'


def event(kind: str, **members: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + json.dumps({"type": kind, **members}).encode() + b"\n\n"


def start(usage: Any = None, **beside: Any) -> bytes:
    """The beginning of a message; `beside` are more members of it."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage or USAGE,
        **beside,
    }
    return event("message_start", message=message)


def block(index: int, opening: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole block."""
    return (
        event("content_block_start", index=index, content_block=opening)
        + b"".join(event("content_block_delta", index=index, delta=delta) for delta in deltas)
        + event("content_block_stop", index=index)
    )


def text(*pieces: str, index: int = 0) -> bytes:
    """A whole block of text."""
    return block(
        index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in pieces)
    )


def call(*pieces: str, index: int = 0, name: str = "f", **beside: Any) -> bytes:
    """A whole block of a call."""
    opening = {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": {}, **beside}
    return block(index, opening, *({"type": "input_json_delta", "partial_json": each} for each in pieces))


def ending(reason: str = "end_turn", usage: Any = None, *, delta: Any = None, **beside: Any) -> bytes:
    """The end of a message, terminator included; `delta` and `beside` are more members."""
    said = {"stop_reason": reason, "stop_sequence": None, **(delta or {})}
    return event("message_delta", delta=said, usage=usage or {"output_tokens": 4}, **beside) + STOP


def stream(*blocks: bytes, reason: str = "end_turn", usage: Any = None) -> bytes:
    """A whole stream."""
    return start() + b"".join(blocks) + ending(reason, usage)


def document(*blocks: dict[str, Any], reason: str | None = "end_turn", **beside: Any) -> bytes:
    """A whole answer that is not streamed."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-1",
        "content": list(blocks),
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": USAGE,
        **beside,
    }
    return json.dumps(message).encode()


def read(body: bytes, *, cuts: tuple[int, ...] = ()) -> list[Delta]:
    """Every delta of a body fed in pieces cut at these places; raises what the reader raises."""
    deltas, error = read_until_error(body, cuts=cuts)
    if error is not None:
        raise error
    return deltas


def read_until_error(body: bytes, *, cuts: tuple[int, ...] = ()) -> tuple[list[Delta], ProviderError | None]:
    """Every delta, and the error that ended them, if one did."""
    reader = WIRE.reader("")
    deltas: list[Delta] = []
    edges = (0, *sorted(cuts), len(body))
    try:
        for begin, end in itertools.pairwise(edges):
            deltas.extend(reader.feed(body[begin:end]))
        while more := reader.close():
            deltas.extend(more)
    except ProviderError as error:
        return deltas, error
    return deltas, None


def answer(body: bytes) -> Answer:
    """The answer that a body spells."""
    return collected(read(body))


def collected(deltas: list[Delta]) -> Answer:
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.answer()
