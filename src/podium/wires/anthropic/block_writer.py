"""Content blocks as both requests and answers have them, from parts."""

from collections.abc import Iterable

from msgspec import Raw

from podium.vocabulary.part import Audio, Opaque, Part, Reasoning, Refusal, Signature, Text, ToolCall
from podium.vocabulary.part import Json as JsonPart
from podium.wires.anthropic.citation import write_citation
from podium.wires.anthropic.member import NAME, level
from podium.wires.member import Members, parse, raw
from podium.wires.seal import wrap

EMPTY = Raw(b"{}")


def write_block(part: Part) -> Raw | None:
    """The block of an answer for a part; None where this dialect has none."""
    block: Raw | None = None
    match part:
        case Text(text=text):
            block = raw({"type": "text", "text": text, **level(part.extra, "block"), **citations_of(part)})
        case Refusal(text=text):
            block = raw({"type": "text", "text": text})
        case JsonPart(value=value):
            block = raw({"type": "text", "text": bytes(value).decode()})
        case Audio(transcript=str(text)) if text:
            block = raw({"type": "text", "text": text})
        case Reasoning():
            block = write_thinking(part)
        case ToolCall():
            block = write_call(part)
        case Opaque(wire=wire, value=value) if wire == NAME:
            block = value
        case _:
            pass
    return block


def is_untold(parts: Iterable[Part]) -> bool:
    """Whether parts say something of which this dialect can show nothing. Thinking is not what an answer says."""
    said = [part for part in parts if not isinstance(part, Reasoning) and part != Text("")]
    return bool(said) and all(write_block(part) is None for part in said)


def citations_of(part: Text) -> dict[str, list[Raw]]:
    """The member `citations` of a text block, if it has any."""
    written = [write_citation(each, part.text) for each in part.annotations]
    found = [each for each in written if each is not None]
    return {"citations": found} if found else {}


def write_thinking(part: Reasoning) -> Raw:
    """A thinking block. What another host signed is sealed; what nobody signed has the empty signature."""
    beside = level(part.extra, "block")
    signature = seal_of(part.signature)
    if part.redacted:
        return raw({"type": "redacted_thinking", "data": signature, **beside})
    return raw({"type": "thinking", "thinking": part.text, "signature": signature, **beside})


def seal_of(signature: Signature | None) -> str:
    """A signature as this dialect carries it."""
    if signature is None:
        return ""
    return signature.value if signature.wire == NAME else wrap(signature)


def write_call(part: ToolCall, call_id: str | None = None) -> Raw:
    """A `tool_use` block; `call_id` replaces the call's own."""
    members: dict[str, object] = {
        "type": "tool_use",
        "id": part.id if call_id is None else call_id,
        "name": part.name,
        "input": input_of(part),
        **level(part.extra, "block"),
    }
    return raw(members)


def sealed_call(part: ToolCall) -> Raw | None:
    """The block behind a call that another host signed: it carries the signature. None where there is none."""
    if part.signature is None or part.signature.wire == NAME:
        return None
    sealed = wrap(part.signature)
    return raw({"type": "thinking", "thinking": "", "signature": sealed, "tool_use_id": part.id})


def input_of(part: ToolCall) -> Raw:
    """The arguments as the object that this wire wants, in the exact characters if they are one.

    What a custom tool is given, or what is no object, stands in the member `input`.
    """
    if part.kind == "function":
        if not part.arguments.strip():
            return EMPTY
        value = Raw(part.arguments.encode())
        if parse(value, Members) is not None:
            return value
    return raw({"input": part.arguments})
