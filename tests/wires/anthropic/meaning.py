"""What a recorded request means, whichever of its many forms it has."""

from typing import Any

from tests.wires.sdk import Document, without_nothing

_MEANT = ("max_tokens", "temperature", "top_p", "top_k", "thinking", "tools", "tool_choice", "stop_sequences")


def meaning(sent: Document) -> Document:
    """A request with its ways of saying the same brought to one, and without members that the vocabulary lacks."""
    meant = {name: without_nothing(sent[name]) for name in _MEANT if sent.get(name) is not None}
    meant["system"] = _content(sent.get("system") or [])
    meant["messages"] = _messages(sent["messages"])
    meant["stream"] = bool(sent.get("stream"))
    config = {**(sent.get("output_config") or {})}
    given = config.pop("format", None) or sent.get("output_format")
    meant["format"] = without_nothing(given)
    meant["effort"] = config.get("effort")
    meant["tools"] = [_tool(tool) for tool in meant.get("tools", [])]
    if meant.get("tool_choice") == {"type": "auto"} and not meant["tools"]:
        del meant["tool_choice"]
    if meant.get("thinking") == {"type": "disabled"}:
        del meant["thinking"]
    if meant.get("thinking", {}).get("display"):
        meant["thinking"].pop("display")
    return meant


def _tool(tool: Document) -> Document:
    meant = dict(tool)
    if meant.get("type") == "custom":
        del meant["type"]
    return meant


def _messages(messages: list[Document]) -> list[Document]:
    meant: list[Document] = []
    for message in messages:
        content = _content(message["content"])
        if meant and meant[-1]["role"] == message["role"]:
            meant[-1]["content"].extend(content)
        else:
            meant.append({**message, "content": content})
    for message in meant:
        message["content"].sort(key=lambda block: block["type"] != "tool_result")
    return [message for message in meant if message["content"]]


def _content(content: Any) -> list[Document]:
    """A string is a text block; empty texts say nothing; a result's content is a list as well."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else without_nothing(content)
    return [
        _block(block)
        for block in blocks
        if block["type"] != "text" or block["text"] or block.get("citations")
    ]


def _block(block: Document) -> Document:
    if block["type"] != "tool_result":
        return block
    return {**block, "content": _content(block.get("content") or []), "is_error": bool(block.get("is_error"))}
