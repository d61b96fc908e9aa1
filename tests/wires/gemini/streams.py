"""Hand-written answers: chunks, streams, lists and documents as Google sends them, and a wire to read them with."""

import itertools
import json
from typing import Any

from podium.errors import ProviderError
from podium.vocabulary.answer import Answer, Choice, Collector
from podium.vocabulary.event import Delta, Finished
from podium.wires.gemini import Gemini

WIRE = Gemini()
USAGE = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}


def event(document: Any) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\r\n\r\n"


def candidate(*parts: Any, finish: Any = None, index: int = 0, **beside: Any) -> dict[str, Any]:
    """One candidate; `beside` are members next to its content."""
    said: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index, **beside}
    return said if finish is None else {**said, "finishReason": finish}


def document(*candidates: Any, **beside: Any) -> dict[str, Any]:
    """A chunk, or a whole answer; `beside` are members next to the candidates."""
    return {"candidates": list(candidates), "modelVersion": "gemini-2.5-flash", "responseId": "r1", **beside}


def chunk(*parts: Any, finish: Any = None, usage: Any = None, **beside: Any) -> bytes:
    """One event with one candidate."""
    counted = {} if usage is None else {"usageMetadata": usage}
    return event(document(candidate(*parts, finish=finish, **beside), **counted))


def stream(*parts: Any, finish: Any = "STOP") -> bytes:
    """A whole stream of one candidate, a part in each event."""
    return b"".join(chunk(part) for part in parts) + chunk({"text": ""}, finish=finish, usage=USAGE)


def whole(*parts: Any, finish: Any = "STOP", usage: Any = USAGE, **beside: Any) -> bytes:
    """A whole answer that is not streamed, written over many lines."""
    made = document(candidate(*parts, finish=finish, **beside), usageMetadata=usage)
    return json.dumps(made, indent=2).encode()


def as_list(body: bytes) -> bytes:
    """A stream as it comes without `alt=sse`."""
    entries = [json.loads(each[6:]) for each in body.replace(b"\r\n", b"\n").split(b"\n\n") if each]
    return b"[" + b"\n,\r\n".join(json.dumps(each, indent=2).encode() for each in entries) + b"\n]\n"


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


def collected(deltas: list[Delta]) -> Answer:
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return collector.answer()


def answer(body: bytes) -> Answer:
    """The answer that a body spells."""
    return collected(read(body))


def choice(body: bytes) -> Choice:
    """Its only choice."""
    (only,) = answer(body).choices
    return only


def finishes(deltas: list[Delta]) -> list[Finished]:
    return [delta for delta in deltas if isinstance(delta, Finished)]
