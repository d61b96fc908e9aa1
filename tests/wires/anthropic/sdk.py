"""What Anthropic's official SDK makes of bytes, and what a message says, in one form."""

import json
import re
from typing import Any

import anthropic
import httpx2

from podium.vocabulary.answer import Answer, Choice
from podium.vocabulary.part import Opaque, Part, Reasoning, Text, ToolCall

Document = dict[str, Any]

_BETA = re.compile(rb'"(compaction|mcp_tool_use|context_management|advisor_tool_result)"')


def sdk(body: bytes, *, status: int = 200, stream: bool) -> anthropic.Anthropic:
    """The official client before a host that answers with these bytes."""
    kind = "text/event-stream" if stream else "application/json"

    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": kind})

    return anthropic.Anthropic(
        api_key="none",
        base_url="http://host.invalid",
        max_retries=0,
        http_client=httpx2.Client(transport=httpx2.MockTransport(answer)),
    )


def sdk_message(body: bytes) -> Document:
    """The message that the SDK gives its user for a document."""
    with sdk(body, stream=False) as client:
        message = client.messages.create(model="m", max_tokens=9, messages=[])
        return message.to_dict(exclude_unset=False, warnings=False)


def sdk_stream(body: bytes) -> Document:
    """The message that the SDK's `stream` helper has put together at the end of a stream."""
    with sdk(body, stream=True) as client:
        messages: Any = client.beta.messages if _BETA.search(body) else client.messages
        with messages.stream(model="m", max_tokens=9, messages=[]) as stream:
            message: Document = stream.get_final_message().to_dict(exclude_unset=False, warnings=False)
    for block in message["content"]:
        block.pop("parsed_output", None)
    return message


def facts_of(message: Document) -> Document:
    """What a message says, without regard to usage and to members beside its content."""
    return {
        "id": message.get("id"),
        "model": message.get("model"),
        "content": [_facts(block) for block in message["content"]],
        "stop_reason": message.get("stop_reason"),
    }


def _facts(block: Document) -> Document:
    kept = {name: value for name, value in block.items() if value is not None and name != "parsed_output"}
    match kept["type"]:
        case "text":
            known = {"type": "text", "text": kept["text"], "citations": kept.get("citations") or []}
        case "thinking":
            known = {
                "type": "thinking",
                "thinking": kept["thinking"],
                "signature": kept.get("signature") or "",
            }
        case "tool_use":
            known = {name: kept[name] for name in ("type", "id", "name", "input")}
        case _:
            known = kept
    found: Document = _without_none(known)
    return found


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(each) for name, each in value.items() if each is not None}
    return [_without_none(each) for each in value] if isinstance(value, list) else value


def facts_of_answer(answer: Answer) -> Document:
    """The same of an answer in the vocabulary."""
    choice = answer.choices[0] if answer.choices else Choice(0, ())
    return {
        "id": answer.id,
        "model": answer.model,
        "content": [_without_none(_part_facts(part)) for part in choice.parts],
        "stop_reason": choice.raw_finish,
    }


def _part_facts(part: Part) -> Document:
    match part:
        case Text():
            cited = [
                json.loads(bytes(each.extra.members["citation"])) for each in part.annotations if each.extra
            ]
            return {"type": "text", "text": part.text, "citations": cited}
        case Reasoning(redacted=True):
            return {"type": "redacted_thinking", "data": part.signature.value if part.signature else ""}
        case Reasoning():
            signature = part.signature.value if part.signature else ""
            return {"type": "thinking", "thinking": part.text, "signature": signature}
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": json.loads(part.arguments)}
        case Opaque():
            value: Document = json.loads(bytes(part.value))
            return value
        case _:
            raise AssertionError(f"an answer of this wire has no such part: {part}")
