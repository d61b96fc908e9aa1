"""A whole answer as a `chat.completion` document."""

from collections.abc import Iterable

from msgspec import Raw

from podium.vocabulary.answer import Answer, Choice
from podium.vocabulary.event import Finished
from podium.vocabulary.part import (
    Audio,
    Extra,
    Image,
    Json,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
)
from podium.wires.finish import foreign_word
from podium.wires.openai_chat.annotation import write_annotation
from podium.wires.openai_chat.content import write_part
from podium.wires.openai_chat.member import NAME, NULL, Members, appended, encode, joined, level, parse, raw
from podium.wires.openai_chat.sealed import DETAILS, write_detail, write_seal
from podium.wires.openai_chat.tool import is_legacy
from podium.wires.openai_chat.usage import write_usage

_PADDING = ("obfuscation", "p")
"""What hosts add to chunks to hide their lengths; a document has no use for it."""


def write_document(answer: Answer, own: dict[str, object], *, functions: bool) -> bytes:
    """The document; `own` are the members that are not the host's, `functions` asks for the older `function_call`."""
    document = dict(own)
    document["choices"] = [_choice(choice, functions=functions) for choice in answer.choices]
    if answer.host_usage is not None and answer.host_usage.wire == NAME:
        document["usage"] = answer.host_usage.value
    elif answer.usage is not None:
        document["usage"] = write_usage(answer.usage)
    extras = [*answer.extra, *(extra for choice in answer.choices for extra in _extras(choice))]
    document.update(
        {name: value for name, value in _merged(extras, "answer").items() if name not in _PADDING}
    )
    return encode(document)


def finish_word(said: Finished | Choice, *, legacy: bool) -> Raw:
    """The finish reason of this dialect: the host's own word if it spoke this dialect, else ours translated."""
    extras = said.extra if isinstance(said, Choice) else (said.extra,)
    own = _merged(extras, "choice").get("finish_reason")
    if own is not None:
        return own
    reason, word = (said.finish, said.raw_finish) if isinstance(said, Choice) else (said.reason, said.raw)
    if reason is None:
        return NULL
    if legacy and reason == "tool_calls":
        return raw("function_call")
    return raw(foreign_word(word) if reason == "other" else reason)


def write_audio(part: Audio) -> Raw:
    """The `audio` of a message."""
    members: Members = {**level(part.extra, "part"), "data": raw(part.media.value)}
    if part.transcript is not None:
        members["transcript"] = raw(part.transcript)
    return raw(members)


def _choice(choice: Choice, *, functions: bool) -> dict[str, object]:
    calls = [part for part in choice.parts if isinstance(part, ToolCall)]
    legacy = calls[0] if calls and (functions or is_legacy(calls[0].extra)) else None
    extras = tuple(_extras(choice))
    beside = _merged(extras, "choice")
    beside.pop("finish_reason", None)
    return {
        "index": choice.index,
        "message": _message(choice, legacy, [call for call in calls if call is not legacy]),
        "logprobs": joined(choice.logprobs) if choice.logprobs else None,
        "finish_reason": finish_word(choice, legacy=legacy is not None),
        **beside,
    }


def _message(choice: Choice, legacy: ToolCall | None, calls: list[ToolCall]) -> dict[str, object]:
    message: dict[str, object] = {"role": "assistant", "content": None, "refusal": None}
    message.update(_merged(_extras(choice), "message"))
    texts = [_said(part) for part in choice.parts if isinstance(part, Text | Json)]
    if texts:
        message["content"] = "".join(texts)
    refusals = [part.text for part in choice.parts if isinstance(part, Refusal)]
    if refusals:
        message["refusal"] = "".join(refusals)
    before = 0
    for part in choice.parts:
        _put(message, part, before)
        before += len(_said(part)) if isinstance(part, Text | Json) else 0
    if legacy is not None:
        message["function_call"] = {"name": legacy.name, "arguments": legacy.arguments}
    if calls:
        message["tool_calls"] = [_call(call) for call in calls]
    return message


def _said(part: Text | Json) -> str:
    return part.text if isinstance(part, Text) else bytes(part.value).decode()


def _put(message: dict[str, object], part: Part, before: int) -> None:
    """What a part says outside of content and calls; `before` it stand so many characters of content."""
    match part:
        case Text(annotations=annotations):
            for each in annotations:
                _append(message, "annotations", write_annotation(each, before=before))
        case Reasoning():
            _put_reasoning(message, part)
        case Image():
            _append(message, "images", write_part(part, "images"))
        case Audio():
            message["audio"] = write_audio(part)
        case Opaque(wire=wire, value=value) if wire == NAME:
            _append(message, "content_parts", value)
        case _:
            pass


def _put_reasoning(message: dict[str, object], part: Reasoning) -> None:
    """Under the member in which the host itself said it."""
    name, kept = "reasoning_content", None
    if part.extra is not None and part.extra.wire == NAME:
        kept = parse(part.extra.members.get("reasoning"), str)
        name = "reasoning" if kept == "reasoning" else name
        for key, value in level(part.extra, "message").items():
            message.setdefault(key, value)
    if part.text and kept != "reasoning_details":
        before = message.get(name)
        message[name] = (before if isinstance(before, str) else "") + part.text
    before = message.get(DETAILS)
    sealed = write_detail(part, len(before) if isinstance(before, list) else 0)
    if sealed is not None:
        _append(message, DETAILS, sealed)


def _append(message: dict[str, object], name: str, value: Raw) -> None:
    before = message.get(name)
    message[name] = [*before, value] if isinstance(before, list) else [value]


def _call(call: ToolCall) -> dict[str, object]:
    argument = "input" if call.kind == "custom" else "arguments"
    return {
        "id": call.id,
        "type": call.kind,
        call.kind: {"name": call.name, argument: call.arguments, **level(call.extra, "function")},
        **level(call.extra, "call"),
        **write_seal(call),
    }


def _extras(choice: Choice) -> Iterable[Extra]:
    """Members that travelled with a choice's deltas, in order; those that came with a call stand with its part."""
    for part in choice.parts:
        if isinstance(part, ToolCall) and part.extra is not None:
            yield part.extra
    yield from choice.extra


def _merged(extras: Iterable[Extra | None], name: str) -> Members:
    """A level over a whole answer: what was said last counts, lists of streamed entries are put behind each other."""
    merged: Members = {}
    for extra in extras:
        for key, value in level(extra, name).items():
            merged[key] = appended(merged.get(key), value) if name == "message" else value
    return merged
