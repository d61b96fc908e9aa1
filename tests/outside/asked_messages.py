"""What a request of Anthropic's Messages asks."""

from typing import Any

from tests.outside.asked import Asked, arguments_of, key_of, result_text, schema_of, text_of, tool_of
from tests.outside.exchange import Json

_SAMPLED = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max"}
_READ = {
    "model",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "stop_sequences",
    "thinking",
    "output_config",
    "output_format",
    *_SAMPLED,
}


def read(body: Json) -> Asked:
    """The question."""
    asked = Asked()
    system = body.get("system")
    for block in [{"text": system}] if isinstance(system, str) else system or ():
        asked.say_system(block["text"])
    for message in body.get("messages") or ():
        role, content = message["role"], message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            _block(asked, role, block)
    _tools(asked, body)
    _options(asked, body)
    asked.unread |= {
        n for n, value in body.items() if n not in _READ and value not in (None, [], {}, "", False)
    }
    for word in ("cache_control", "is_error"):
        if _holds(body, word):
            asked.hints.add(word)
    return asked


def _holds(value: Any, word: str) -> bool:
    if isinstance(value, dict):
        return bool(value.get(word)) or any(
            _holds(each, word) for name, each in value.items() if name not in ("input", "input_schema")
        )
    return isinstance(value, list) and any(_holds(each, word) for each in value)


def _block(asked: Asked, role: str, block: Json) -> None:
    match block["type"]:
        case "text" if role == "system":
            asked.say_system(block["text"])
        case "text":
            asked.say(role, block["text"])
        case "image" | "document":
            _media(asked, role, block)
        case "tool_use":
            asked.call(block["id"], block["name"], arguments_of(block["input"]))
        case "tool_result":
            _result(asked, block)
        case "compaction" if block.get("content"):
            asked.say(role, block["content"])
        case "thinking" | "redacted_thinking":
            pass
        case kind:
            asked.turn(role).strange.append(kind)


def _written(block: Json) -> str | None:
    """The text of a document that is one."""
    source = block.get("source") or {}
    if source.get("type") == "text":
        return str(source["data"])
    return text_of(source.get("media_type"), source["data"]) if source.get("type") == "base64" else None


def _media(asked: Asked, role: str, block: Json) -> None:
    source, text = block["source"], _written(block)
    match source["type"]:
        case _ if text is not None:
            asked.say(role, text)
        case "base64":
            asked.show(role, key_of(source["data"], inline=True))
        case "url":
            asked.show(role, source["url"])
        case "file":
            asked.show(role, source["file_id"])
        case kind:
            asked.turn(role).strange.append(f"source {kind}")


def _result(asked: Asked, block: Json) -> None:
    content = block.get("content")
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    text = "".join(part["text"] if part["type"] == "text" else _written(part) or "" for part in parts)
    asked.result(block["tool_use_id"], None, result_text(text))
    for part in parts:
        if _written(part) is not None:
            continue
        if part["type"] in ("image", "document"):
            _media(asked, "user", part)
        elif part["type"] != "text":
            asked.turn("user").strange.append(part["type"])


def _tools(asked: Asked, body: Json) -> None:
    for tool in body.get("tools") or ():
        if tool.get("type", "custom") == "custom":
            asked.tools[tool["name"]] = tool_of(tool.get("description"), tool.get("input_schema"))
            if tool.get("strict"):
                asked.hints.add("strict")
        else:
            asked.tools[f"<{tool['type']}>"] = tool
    choice = body.get("tool_choice")
    if choice:
        modes = {"any": ("required", ()), "tool": ("required", (choice.get("name"),))}
        asked.choice = modes.get(choice["type"], (choice["type"], ()))
        if choice.get("disable_parallel_tool_use"):
            asked.parallel = False


def _options(asked: Asked, body: Json) -> None:
    for name, field in _SAMPLED.items():
        if body.get(name) is not None:
            asked.sampling[field] = body[name]
    if body.get("stop_sequences"):
        asked.sampling["stop"] = body["stop_sequences"]
    config = body.get("output_config") or {}
    form = config.get("format") or body.get("output_format")
    if form:
        asked.format = schema_of(form["schema"])
    kind = (body.get("thinking") or {}).get("type")
    if config.get("effort"):
        asked.effort = True
    elif kind not in (None, "adaptive"):  # to think as it likes is what a model does anyway
        asked.effort = kind != "disabled"
    asked.unread |= {f"output_config.{name}" for name in config.keys() - {"format", "effort"}}
