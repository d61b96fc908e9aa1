"""What a recorded request means, whichever of its many forms it has."""

from typing import Any

from tests.wires.sdk import Document, without_nothing

_MEANT = (
    "messages",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "response_format",
    "temperature",
    "top_p",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "n",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "parallel_tool_calls",
    "reasoning_effort",
    "stream",
)


def meaning(sent: Document) -> Document:
    """A request with its many ways of saying the same brought to one, and without members that the vocabulary lacks."""
    meant = {name: without_nothing(sent[name]) for name in _MEANT if sent.get(name) is not None}
    meant["max_output"] = sent.get("max_completion_tokens") or sent.get("max_tokens")
    meant["stop"] = [sent["stop"]] if isinstance(sent.get("stop"), str) else sent.get("stop") or []
    meant["messages"] = [_message_meaning(message) for message in meant["messages"]]
    for name in ("tools", "functions"):
        if not meant.get(name):
            meant.pop(name, None)
    for tool in meant.get("tools", ()):
        tool.setdefault("type", "function")
    if "function_call" in meant:
        choice = meant.pop("function_call")
        meant["tool_choice"] = choice
    if not meant.get("tools") and not meant.get("functions") and meant.get("tool_choice") in ("auto", "none"):
        del meant["tool_choice"]
    if meant.get("response_format") == {"type": "text"}:
        del meant["response_format"]
    if not meant.get("stream"):
        meant.pop("stream", None)
    return meant


def _message_meaning(message: Document) -> Document:
    meant = {**message, "content": _content_meaning(message.get("content"))}
    for call in meant.get("tool_calls") or ():
        call.setdefault("type", "function")
        call.get("function", {}).setdefault("arguments", "")
        call.pop("index", None)
    if not meant.get("tool_calls"):
        meant.pop("tool_calls", None)
    return meant


def _content_meaning(content: Any) -> Any:
    """A content of plain texts alone is their string; no content is the empty one."""
    if isinstance(content, list) and all(
        set(part) == {"type", "text"} and part["type"] == "text" for part in content
    ):
        return "".join(part["text"] for part in content)
    return content or ""
