"""What a request of OpenAI's chat completions asks."""

import re
from typing import Any

from tests.outside.asked import (
    Asked,
    arguments_of,
    key_of,
    result_text,
    schema_of,
    tool_of,
    url_key,
    url_text,
)
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
_WHOSE = re.compile(r"The result of the tool call \S+:")
"""What may stand before the pictures of a tool's result, which have a message of their own."""
_MODES = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


def read(body: Json) -> Asked:
    """The question."""
    asked = Asked()
    for message in body.get("messages") or ():
        _message(asked, message)
    _tools(asked, body)
    _options(asked, body)
    asked.unread = {
        n for n, value in body.items() if n not in _READ and value not in (None, [], {}, "", False)
    }
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
        asked.call(
            call.get("id"), inner.get("name"), arguments_of(inner.get("arguments", inner.get("input")))
        )
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
    kind = str(part.get("type"))
    if kind in ("text", "refusal"):
        return "text", _WHOSE.sub("", part.get(kind) or "")
    if kind == "thinking":
        return "thought", ""
    if kind == "input_audio":
        return "media", key_of(part[kind]["data"], inline=True)
    if kind == "file":
        return _file(part[kind])
    if kind in ("image_url", "video_url"):
        where = part[kind]
        return "media", url_key(where if isinstance(where, str) else where["url"])
    return "strange", kind


def _file(inner: Json) -> tuple[str, str]:
    data = inner.get("file_data")
    if not data:
        return "media", inner.get("file_id") or inner.get("file_url") or "?"
    text = url_text(data)
    return ("media", url_key(data)) if text is None else ("text", text)


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
    stop = body.get("stop")
    said = {
        **{field: body.get(name) for name, field in _SAMPLED.items()},
        "stop": [stop] if isinstance(stop, str) else stop or None,
        "max": body.get("max_completion_tokens") or body.get("max_tokens"),
        "n": body.get("n") if body.get("n") != 1 else None,
        "logprobs": body.get("logprobs") or None,
        "logit_bias": body.get("logit_bias") or None,
        "modalities": sorted(body.get("modalities") or ()) or None,
    }
    asked.sampling = {name: value for name, value in said.items() if value not in (None, ["text"])}
    level = body.get("reasoning_effort")
    if level is not None:
        asked.effort = level != "none"
    elif isinstance(body.get("reasoning"), dict):
        asked.unread.add("reasoning")
