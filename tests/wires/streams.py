"""Hand-written answers: chunks, streams and documents as hosts send them, and a wire to read them with."""

import itertools
import json
from typing import Any

from podium.errors import ProviderError
from podium.vocabulary.answer import Answer, Collector
from podium.vocabulary.event import Delta, Finished
from podium.wires.openai_chat import OpenAIChat

WIRE = OpenAIChat()
DONE = b"data: [DONE]\n\n"


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\n\n"


def chunk(delta: Any = None, finish: str | None = None, *, index: int = 0, **beside: Any) -> bytes:
    """One chunk with one choice; `beside` are members of the chunk."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 7,
            "model": "m-1",
            "choices": [choice],
            **beside,
        }
    )


def stream(*deltas: Any, finish: str | None = "stop") -> bytes:
    """A whole stream of one choice."""
    return b"".join(chunk(delta) for delta in deltas) + chunk({}, finish) + DONE


def document(message: Any, finish: Any = "stop", **beside: Any) -> bytes:
    """A whole answer that is not streamed."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return json.dumps(
        {"id": "c1", "object": "chat.completion", "created": 7, "model": "m-1", "choices": [choice], **beside}
    ).encode()


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
        for start, end in itertools.pairwise(edges):
            deltas.extend(reader.feed(body[start:end]))
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


def finishes(deltas: list[Delta]) -> list[Finished]:
    return [delta for delta in deltas if isinstance(delta, Finished)]
