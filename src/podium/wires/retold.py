"""What only hosts of one wire are told as such, for hosts of another: as text where it says something to the model."""

from msgspec import Raw

from podium.vocabulary.part import Document, Opaque, Part, Text
from podium.wires.member import Members, is_null, parse

_TRUE = Raw(b"true")
_RUN = frozenset(
    {
        *("server_tool_use", "mcp_tool_use", "container_upload"),
        *("executableCode", "executable_code", "codeExecutionResult", "code_execution_result"),
        *("toolCall", "tool_call", "toolResponse", "tool_response"),
        "reference",
    }
)
"""What hosts ran themselves while they answered, by the block's type or the part's member.

Mistral's `reference` tells what a text rests on.
"""
_RESULTS = "_tool_result"
_EMPTY = {"type", "content", "cache_control"}


def retold(part: Part, wire: str, path: str, dropped: list[str]) -> tuple[Part, ...]:
    """A part, which stands at `path`, for a host of `wire`.

    The `context` that Anthropic's clients give a document for the model to read stands before it, and is named among
    the members that are dropped. The summary that Anthropic's hosts make of what was said before is said as text.
    """
    if isinstance(part, Document) and part.extra is not None and part.extra.wire == "anthropic" != wire:
        block = parse(part.extra.members.get("block"), Members) or {}
        context = parse(block.get("context"), str)
        return (Text(context), part) if context else (part,)
    if isinstance(part, Opaque) and part.wire == "anthropic" != wire:
        members = parse(part.value, Members) or {}
        summary = parse(members.get("content"), str)
        if parse(members.get("type"), str) == "compaction" and summary:
            dropped.append(path)
            return (Text(summary),)
    return (part,)


def is_past(part: Opaque) -> bool:
    """Whether a part of the assistant's is a host's own work on an answer that is there.

    Such calls with their results, thoughts, and summaries that failed; another host goes on without them.
    """
    members = parse(part.value, Members) or {}
    kind = parse(members.get("type"), str) or ""
    if kind == "compaction":
        return is_null(members.get("content")) and members.keys() <= _EMPTY
    return (
        kind in _RUN
        or kind.endswith(_RESULTS)
        or not _RUN.isdisjoint(members)
        or members.get("thought") == _TRUE
    )
