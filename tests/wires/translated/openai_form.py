"""What a request of OpenAI's chat completions means."""

import re
from typing import Any

from tests.wires.translated.form import (
    NOTHING,
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
    exact,
    inline,
    loose,
    plain_schema,
    text_document,
)

_ROLES = {"system": "system", "developer": "system", "assistant": "model"}
_DRAWN = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "n": "choices",
    "logprobs": "logprobs",
    "top_logprobs": "top_logprobs",
    "logit_bias": "logit_bias",
}
_KNOWN = {
    *_DRAWN,
    *("model", "messages", "stream", "stream_options", "tools", "tool_choice", "functions", "function_call"),
    *("response_format", "stop", "max_tokens", "max_completion_tokens", "parallel_tool_calls"),
    *("reasoning_effort", "modalities"),
}
_FORMATS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_SHOWN = re.compile(r"The result of the tool call .*:")


def openai_form(sent: Json, *, ours: bool = False) -> Form:
    """`ours`: it was written by a wire, so that pictures of results stand behind them."""
    form = Form()
    ids = Ids()
    for message in sent["messages"]:
        _message(form, ids, message, ours=ours)
    _tools(form, sent)
    form.drawn = {name: sent[key] for key, name in _DRAWN.items() if sent.get(key) not in (None, {})}
    form.drawn["max_output"] = sent.get("max_completion_tokens") or sent.get("max_tokens")
    stop = sent.get("stop") or []
    form.drawn["stop"] = [stop] if isinstance(stop, str) else stop
    form.effort = effort_of(sent.get("reasoning_effort"), None)
    _schema(form, sent.get("response_format") or {})
    if any(each != "text" for each in sent.get("modalities") or ()):
        form.beyond.add("other than text")
    for name in ("web_search_options", "audio"):
        if sent.get(name) is not None:
            form.beyond.add("hosted tool" if name.startswith("web") else "other than text")
    form.rest(sent, _KNOWN | {"web_search_options", "audio"})
    return form


def _message(form: Form, ids: Ids, message: Json, *, ours: bool) -> None:
    role = message["role"]
    if role in ("tool", "function"):
        media, texts = _split(_content(form, message.get("content")))
        number = ids.result(message.get("tool_call_id") or "", message.get("name") or "")
        text = "".join(texts)
        kept = "" if ours and text == "See what follows." else loose(text)
        form.say("user", [Result(number, kept, media, is_error=False)])
        form.rest(message, {"role", "content", "tool_call_id", "name"})
        return
    items = _content(form, message.get("content"))
    if ours:
        items = [item for item in items if not (isinstance(item, str) and _SHOWN.fullmatch(item))]
    calls = message.get("tool_calls") or []
    legacy = message.get("function_call")
    items.extend([message["refusal"]] if message.get("refusal") else [])
    items.extend(_call(form, ids, call) for call in calls)
    if legacy:
        number = ids.call("", legacy["name"])
        items.append(Call(number, legacy["name"], exact(legacy.get("arguments") or "")))
    form.say(_ROLES.get(role, "user"), items)
    form.rest(message, {"role", "content", "tool_calls", "function_call", "refusal"})


def _call(form: Form, ids: Ids, call: Json) -> Item:
    if "custom" in call:
        form.beyond.add("custom tool")
        return Foreign("custom call")
    form.rest(call, {"id", "type", "function", "index"})
    inner = call["function"]
    number = ids.call(call.get("id") or "", inner["name"])
    return Call(number, inner["name"], exact(inner.get("arguments") or ""))


def _split(items: list[Item]) -> tuple[tuple[Media, ...], list[str]]:
    media = tuple(item for item in items if isinstance(item, Media))
    return media, [item for item in items if isinstance(item, str)]


def _content(form: Form, content: Any) -> list[Item]:
    if not content:
        return []
    if isinstance(content, str):
        return [content]
    if isinstance(content, dict):
        content = [content]
    return [item for part in content if (item := _part(form, part)) is not None]


def _part(form: Form, part: Json) -> Item | None:
    kind = part["type"]
    form.rest(part, {"type", kind})
    item: Item | None
    match kind:
        case "text" | "refusal":
            item = part[kind]
        case "image_url":
            inner = part["image_url"] if isinstance(part["image_url"], dict) else {"url": part["image_url"]}
            if inner.get("detail") != "auto":
                form.rest(inner, {"url"})
            item = _url(inner["url"])
        case "input_audio" if isinstance(part["input_audio"], dict):
            inner = part["input_audio"]
            form.beyond.add("audio")
            item = inline(inner["data"], _FORMATS.get(inner["format"], f"audio/{inner['format']}"))
        case "file":
            item = _file(form, part["file"])
        case "video_url":
            form.beyond.add("video")
            item = _url(part["video_url"]["url"])
        case "thinking":
            form.unread.append("reasoning")
            item = None
        case _:
            form.beyond.add("foreign part")
            item = Foreign(kind)
    return item


def _file(form: Form, inner: Json) -> Item:
    form.rest(inner, {"file_data", "file_id"})
    if inner.get("file_id"):
        form.beyond.add("file id")
        return Media("", inner["file_id"])
    found = _url(inner["file_data"])
    if found.mime == TEXT:
        return text_document(inner["file_data"].partition(",")[2])
    if found.mime and found.mime != "application/pdf":
        form.beyond.add("document type")
    return found


def _url(url: str) -> Media:
    if url.startswith("data:"):
        head, _, data = url[5:].partition(",")
        return inline(data, head.removesuffix(";base64"))
    return Media("", url)


def _tools(form: Form, sent: Json) -> None:
    given = [*(sent.get("tools") or []), *({"function": each} for each in sent.get("functions") or [])]
    for tool in given:
        inner = tool.get("function")
        if inner is None:
            form.beyond.add("custom tool" if "custom" in tool else "hosted tool")
            continue
        form.rest(tool, {"type", "function"})
        form.rest(inner, {"name", "description", "parameters"})
        form.tools[inner["name"]] = Tool(
            inner["name"], inner.get("description") or "", plain_schema(inner.get("parameters"))
        )
    choice = sent.get("tool_choice") or sent.get("function_call")
    if isinstance(choice, str):
        form.mode = {"any": "required"}.get(choice, choice)
    elif choice:
        allowed = choice.get("allowed_tools")
        tools = allowed["tools"] if allowed else [choice]
        form.mode = allowed["mode"] if allowed else "required"
        form.names = frozenset((each.get("function") or each)["name"] for each in tools)
    form.parallel = sent.get("parallel_tool_calls") is not False


def _schema(form: Form, given: Json) -> None:
    if given.get("type") == "json_object":
        form.schema = "any"
    elif given.get("type") == "json_schema":
        inner = given["json_schema"]
        form.rest({k: v for k, v in inner.items() if k == "description"}, ())
        form.schema = plain_schema(inner["schema"]) if inner.get("schema") else "any"
    elif given and given.get("type") != "text" and given not in NOTHING:
        form.beyond.add("foreign schema")
