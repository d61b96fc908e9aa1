"""Parts of answers as this dialect's JSON, and a whole answer as a document."""

import contextlib
from collections.abc import Iterable

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.answer import Answer, Choice
from podium.vocabulary.event import Finished
from podium.vocabulary.part import (
    Audio,
    Document,
    Extra,
    Image,
    Json,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    Video,
)
from podium.wires.gemini.call import write_arguments
from podium.wires.gemini.citation import write_citations
from podium.wires.gemini.finish import word_for
from podium.wires.gemini.logprob import write_logprobs
from podium.wires.gemini.media import write_media
from podium.wires.gemini.member import NAME, TRUE, level, mark
from podium.wires.gemini.signature import write_signature
from podium.wires.gemini.usage import write_usage
from podium.wires.member import Members, encode, parse, raw


def write_document(answer: Answer, own: dict[str, str]) -> bytes:
    """The document; `own` are the members that are not the host's."""
    document: dict[str, object] = {}
    extras = [*answer.extra, *(extra for choice in answer.choices for extra in choice.extra)]
    if not any(mark(extra, "blocked") for extra in extras):
        document["candidates"] = [_candidate(choice) for choice in answer.choices]
    document.update(merged(extras, "answer"))
    if answer.usage is not None:
        document["usageMetadata"] = write_usage(answer.usage, answer.host_usage)
    return encode({**document, **own})


def _candidate(choice: Choice) -> dict[str, object]:
    parts: list[Members] = []
    for part in choice.parts:
        written = write_part(part)
        if written is None:
            continue
        if isinstance(part, Reasoning) and rides(part) == "before" and parts:
            parts[-1].update(written)
        else:
            parts.append(written)
    beside = merged(choice.extra, "candidate")
    finish = beside.pop("finishReason", None)
    found = {
        "groundingMetadata": write_citations([part for part in choice.parts if isinstance(part, Text)]),
        "logprobsResult": write_logprobs(choice.logprobs) if choice.logprobs else None,
    }
    content: dict[str, object] = {"parts": parts, "role": "model"} if parts else {"role": "model"}
    return {
        "content": content,
        "finishReason": finish or (word_for(choice.finish, choice.raw_finish) if choice.finish else None),
        "index": choice.index,
        **{name: value for name, value in found.items() if value is not None},
        **beside,
    }


def write_part(part: Part) -> Members | None:
    """The members of a part; None for what this dialect shows nothing for."""
    written: Members | None = None
    match part:
        case Text(text=text):
            written = {"text": raw(text), **level(part.extra, "part")}
        case Refusal(text=text):
            written = {"text": raw(text)}
        case Json(value=value):
            written = {"text": raw(bytes(value).decode())}
        case Reasoning():
            written = write_reasoning(part, part.text)
        case ToolCall():
            written = write_call(part)
        case Image() | Audio() | Video() | Document():
            with contextlib.suppress(
                Inexpressible
            ):  # of a file in another host's store, out of a client's reach
                written = write_media(part, "")
        case Opaque(wire=wire, value=value) if wire == NAME:
            written = parse(value, Members)
        case _:
            pass
    return written


def rides(part: Reasoning) -> str | None:
    """Where the signature of reasoning without words stood."""
    return parse(mark(part.extra, "rides"), str)


def write_reasoning(part: Reasoning, text: str) -> Members | None:
    """A thought, or the signature that is left to say of one whose words have been said."""
    sealed: Members = {}
    if part.signature is not None:
        sealed["thoughtSignature"] = raw(write_signature(part.signature, redacted=part.redacted))
    place = rides(part)
    if place == "before":
        return sealed
    if place == "bare":
        return {"thought": TRUE, **sealed}
    if not text and not sealed:
        return None
    thought: Members = {} if place == "alone" else {"thought": TRUE}
    return {"text": raw(text), **thought, **level(part.extra, "part"), **sealed}


def write_call(call: ToolCall) -> Members:
    """A call; one that had no id at its host has none here."""
    said: Members = {}
    if call.id and mark(call.extra, "idless") is None:
        said["id"] = raw(call.id)
    said["name"] = raw(call.name)
    said["args"] = write_arguments(call.arguments)
    part: Members = {"functionCall": raw({**said, **level(call.extra, "inner")})}
    part.update(level(call.extra, "part"))
    if call.signature is not None:
        part["thoughtSignature"] = raw(write_signature(call.signature))
    return part


def finish_word(said: Finished) -> Raw:
    """The finish reason: the host's own word if it spoke this dialect, else ours translated."""
    return level(said.extra, "candidate").get("finishReason") or word_for(said.reason, said.raw)


def merged(extras: Iterable[Extra | None], name: str) -> Members:
    """A level over a whole answer: what was said last counts."""
    found: Members = {}
    for extra in extras:
        found.update(level(extra, name))
    return found
