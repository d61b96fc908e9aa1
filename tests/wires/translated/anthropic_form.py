"""What a request of Anthropic's Messages means."""

from typing import Any

from tests.wires.translated.form import (
    ANY_EFFORT,
    TEXT,
    Call,
    Foreign,
    Form,
    Ids,
    Item,
    Json,
    Media,
    Result,
    Tool,
    effort_of,
    inline,
    loose,
    plain_schema,
    read_answer_tool,
    read_instruction,
)

_DRAWN = {"temperature": "temperature", "top_p": "top_p", "top_k": "top_k", "max_tokens": "max_output"}
_KNOWN = {
    *_DRAWN,
    *("model", "messages", "system", "stream", "tools", "tool_choice", "stop_sequences", "thinking"),
    *("output_config", "output_format", "mcp_servers", "container"),
}
_MODES = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}


def anthropic_form(sent: Json, *, ours: bool = False) -> Form:
    """`ours`: it was written by a wire, so that a schema may be told by a tool that must be called."""
    form = Form()
    ids = Ids()
    if sent.get("system"):
        form.say("system", _content(form, ids, sent["system"]))
    for message in sent["messages"]:
        role = {"assistant": "model"}.get(message["role"], message["role"])
        if role not in ("user", "model", "system"):
            form.beyond.add("unknown role")
        form.say(role, _content(form, ids, message["content"]))
        form.rest(message, {"role", "content"})
    _tools(form, sent)
    if ours:
        read_answer_tool(form)
        read_instruction(form)
    form.drawn = {name: sent[key] for key, name in _DRAWN.items() if sent.get(key) is not None}
    form.drawn["stop"] = sent.get("stop_sequences") or []
    _output(form, sent, ours=ours)
    for name in ("mcp_servers", "container"):
        if sent.get(name):
            form.beyond.add("hosted tool")
    form.rest(sent, _KNOWN)
    return form


def _output(form: Form, sent: Json, *, ours: bool) -> None:
    config = sent.get("output_config") or {}
    given = config.get("format") or sent.get("output_format")
    form.rest(config, {"format", "effort"})
    if given:
        form.schema = plain_schema(given["schema"])
    thinking = sent.get("thinking") or {}
    form.rest(thinking, {"type", "budget_tokens", *(["display"] if ours else [])})
    if thinking.get("type") == "enabled":
        form.effort = effort_of(None, thinking["budget_tokens"])
    elif config.get("effort"):
        form.effort = effort_of(config["effort"], None)
    elif thinking.get("type") == "adaptive":
        form.effort = ANY_EFFORT


def _tools(form: Form, sent: Json) -> None:
    for tool in sent.get("tools") or []:
        if tool.get("type") not in (None, "custom"):
            form.beyond.add("hosted tool")
            continue
        form.rest(tool, {"type", "name", "description", "input_schema"})
        form.tools[tool["name"]] = Tool(
            tool["name"], tool.get("description") or "", plain_schema(tool.get("input_schema"))
        )
    choice = sent.get("tool_choice") or {"type": "auto"}
    form.mode = _MODES[choice["type"]]
    form.names = frozenset([choice["name"]]) if choice["type"] == "tool" else None
    form.parallel = not choice.get("disable_parallel_tool_use")
    form.rest(choice, {"type", "name", "disable_parallel_tool_use"})


def _content(form: Form, ids: Ids, content: Any) -> list[Item]:
    if isinstance(content, str):
        return [content]
    return [item for block in content if (item := _block(form, ids, block)) is not None]


def _block(form: Form, ids: Ids, block: Json) -> Item | None:
    kind = block["type"]
    item: Item | None
    match kind:
        case "text":
            form.rest(block, {"type", "text"})
            item = block["text"]
        case "image" | "document":
            form.rest(block, {"type", "source"})
            item = _media(form, kind, block["source"])
        case "compaction" if block.get("content"):
            item = block["content"]
        case "thinking" | "redacted_thinking":
            form.unread.append("reasoning")
            item = None
        case "tool_use":
            form.rest(block, {"type", "id", "name", "input"})
            item = Call(ids.call(block["id"], block["name"]), block["name"], block["input"] or {})
        case "tool_result":
            form.rest(block, {"type", "tool_use_id", "content", "is_error"})
            item = _result(form, ids, block)
        case _:
            form.beyond.add("foreign part")
            item = Foreign(kind)
    return item


def _result(form: Form, ids: Ids, block: Json) -> Result:
    items = _content(form, ids, block.get("content") or [])
    media = tuple(item for item in items if isinstance(item, Media))
    text = "".join(item for item in items if isinstance(item, str))
    number = ids.result(block["tool_use_id"], "")
    return Result(number, loose(text), media, is_error=bool(block.get("is_error")))


def _media(form: Form, kind: str, source: Json) -> Item:
    match source["type"]:
        case "base64":
            return inline(source["data"], source["media_type"])
        case "text":
            return Media(TEXT, source["data"])
        case "url":
            if kind == "document":
                form.beyond.add("document url")
            return Media("", source["url"])
        case "file":
            form.beyond.add("file id")
            return Media("", source["file_id"])
    form.beyond.add("foreign part")
    return Foreign(source["type"])
