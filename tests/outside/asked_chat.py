"""What a request of OpenAI's chat completions asks."""

from typing import Any

from tests.outside.asked import Asked, arguments_of, key_of, result_text, schema_of, tool_of, url_key
from tests.outside.exchange import Json

_SAMPLED = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "seed": "seed",
    "presence_penalty": "presence",
    "frequency_penalty": "frequency",
    "top_logprobs": "top_logprobs",
}
_READ = {
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "functions",
    "tool_choice",
    "function_call",
    "response_format",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "logprobs",
    "logit_bias",
    "parallel_tool_calls",
    "reasoning_effort",
    "reasoning",
    "modalities",
    *_SAMPLED,
}
_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def read(body: Json) -> Asked:
    """The question."""
    asked = Asked()
    for message in body.get("messages") or ():
        _message(asked, message)
    _tools(asked, body)
    _options(asked, body)
    asked.unread = {name for name, value in body.items() if name not in _READ and value not in (None, [], {}, "", False)}
    return asked


def _message(asked: Asked, message: Json) -> None:
    role = message.get("role")
    if role in ("system", "developer"):
        for kind, value in _parts(message.get("content")):
            if kind == "text":
                asked.say_system(value)
    elif role in ("tool", "function"):
        parts = list(_parts(message.get("content")))
        text = "".join(value for kind, value in parts if kind == "text")
        asked.result(message.get("tool_call_id"), message.get("name"), result_text(text))
        for kind, value in parts:
            if kind == "media":
                asked.show("user", value)
    else:
        _said(asked, "assistant" if role == "assistant" else "user", message)


def _said(asked: Asked, role: str, message: Json) -> None:
    for kind, value in _parts(message.get("content")):
        if kind == "text":
            asked.say(role, value)
        elif kind == "media":
            asked.show(role, value)
        elif kind != "thought":
            asked.turn(role).strange.append(value)
    if isinstance(message.get("refusal"), str):
        asked.say(role, message["refusal"])
    if message.get("audio"):
        asked.turn(role).strange.append("audio")
    for call in message.get("tool_calls") or ():
        inner = call.get("function") or call.get("custom") or {}
        asked.call(call.get("id"), inner.get("name"), arguments_of(inner.get("arguments", inner.get("input"))))
    if message.get("function_call"):
        inner = message["function_call"]
        asked.call(None, inner.get("name"), arguments_of(inner.get("arguments")))


def _parts(content: Any) -> list[tuple[str, str]]:
    if content is None:
        return []
    if isinstance(content, str):
        return [("text", content)]
    return [_part(part) for part in content]


def _part(part: Json) -> tuple[str, str]:
    kind = part.get("type")
    match kind:
        case "text":
            return "text", part.get("text") or ""
        case "refusal":
            return "text", part["refusal"]
        case "image_url":
            image = part["image_url"]
            return "media", url_key(image if isinstance(image, str) else image["url"])
        case "input_audio":
            return "media", key_of(part["input_audio"]["data"], inline=True)
        case "file":
            inner = part["file"]
            data = inner.get("file_data")
            return "media", url_key(data) if data else inner.get("file_id") or inner.get("file_url") or "?"
        case "thinking":
            return "thought", ""
    return "strange", str(kind)


def _tools(asked: Asked, body: Json) -> None:
    for tool in body.get("tools") or ():
        if tool.get("type", "function") == "function":
            inner = tool["function"]
            asked.tools[inner["name"]] = tool_of(inner.get("description"), inner.get("parameters"))
            if inner.get("strict"):
                asked.hints.add("strict")
        else:
            asked.tools[f"<{tool.get('type')}>"] = tool
    for inner in body.get("functions") or ():
        asked.tools[inner["name"]] = tool_of(inner.get("description"), inner.get("parameters"))
    choice = body.get("tool_choice", body.get("function_call"))
    if isinstance(choice, str):
        asked.choice = (_MODES.get(choice, choice), ())
    elif choice:
        inner = choice.get("function") or choice.get("allowed_tools") or choice
        if "tools" in inner:
            names = tuple(sorted(each["function"]["name"] for each in inner["tools"]))
            asked.choice = (inner["mode"], names)
        else:
            asked.choice = ("required", (inner["name"],))
    asked.parallel = body.get("parallel_tool_calls")


def _options(asked: Asked, body: Json) -> None:
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        asked.format = schema_of(form["json_schema"].get("schema") or {})
    elif form.get("type") == "json_object":
        asked.format = "json"
    for name, field in _SAMPLED.items():
        if body.get(name) is not None:
            asked.sampling[field] = body[name]
    stop = body.get("stop")
    if stop:
        asked.sampling["stop"] = [stop] if isinstance(stop, str) else stop
    most = body.get("max_completion_tokens") or body.get("max_tokens")
    if most is not None:
        asked.sampling["max"] = most
    if (body.get("n") or 1) > 1:
        asked.sampling["n"] = body["n"]
    if body.get("logprobs"):
        asked.sampling["logprobs"] = True
    if body.get("logit_bias"):
        asked.sampling["logit_bias"] = body["logit_bias"]
    if any(each != "text" for each in body.get("modalities") or ()):
        asked.sampling["modalities"] = sorted(body["modalities"])
    level = body.get("reasoning_effort")
    if level is not None:
        asked.effort = level != "none"
    elif isinstance(body.get("reasoning"), dict):
        asked.unread.add("reasoning")
