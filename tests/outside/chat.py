"""OpenAI's chat completions, read by the official `openai` SDK.

What a host says twice (Perplexity's `message` beside each `delta`) counts once.
"""

import json
from functools import cache
from typing import Any

import openai

from tests.outside.exchange import Json
from tests.outside.heard import Canned, Heard, without_nothing

_PADDING = ("obfuscation", "p")
_OURS = ("id", "created", "model", "object")
"""Members in which a server speaks of itself."""


class _Sdk:
    def __init__(self) -> None:
        self.canned = Canned()
        self.client = openai.OpenAI(
            api_key="none", base_url="http://host.invalid/v1", max_retries=0, http_client=self.canned.http
        )


_sdk = cache(_Sdk)


def read(body: bytes, status: int = 200, *, streamed: bool | None = None) -> Heard:
    """What the SDK makes of an answer."""
    streamed = body.lstrip()[:1] != b"{" if streamed is None else streamed
    sdk, heard, chunks = _sdk(), Heard(), list[Json]()
    sdk.canned.put(status, body, stream=streamed)
    try:
        if streamed and status == 200:
            stream: Any = sdk.client.chat.completions.create(model="m", messages=[], stream=True)
            chunks.extend(chunk.to_dict(warnings=False) for chunk in stream)
        else:
            made: Any = sdk.client.chat.completions.create(model="m", messages=[])
            heard.whole = _document(made.to_dict(warnings=False))
            if "error" in heard.whole and not heard.whole.get("choices"):  # Azure says so with status 200
                heard.error = ("", heard.whole["error"]["message"])
    except openai.APIError as error:
        heard.error = (type(error).__name__, _words(error))
    if streamed:
        heard.whole = merged(chunks)
    choices = heard.whole.get("choices") or ()
    heard.ended = bool(choices) and all("finish_reason" in choice for choice in choices)
    return heard


def _words(error: openai.APIError) -> str:
    body = error.body
    if isinstance(body, dict):
        said = body.get("message") or body.get("error") or body.get("detail")
        return said if isinstance(said, str) else json.dumps(body, ensure_ascii=False)
    return str(body if body is not None else error.message)


def _document(document: Json) -> Json:
    """Some hosts speak in lists of parts where OpenAI has strings."""
    whole: Json = without_nothing(document, padding=_PADDING)
    for choice in whole.get("choices") or ():
        message = choice.setdefault("message", {})
        message.update(_flattened(message))
        _tidy(message)
    return {name: value for name, value in whole.items() if name not in _OURS}


def _flattened(message: Json) -> Json:
    content = message.get("content")
    if isinstance(content, dict):
        return {"content": json.dumps(content, ensure_ascii=False, separators=(",", ":"))}
    if not isinstance(content, list):
        return {}
    text = "".join(part.get("text") or "" for part in content if part.get("type") == "text")
    thoughts = [part["thinking"] for part in content if part.get("type") == "thinking"]
    thought = "".join(
        each if isinstance(each, str) else "".join(one.get("text") or "" for one in each) for each in thoughts
    )
    beside = [part for part in content if part.get("type") not in ("text", "thinking")]
    found: Json = {"content": text}
    if thought:
        found["reasoning_content"] = thought
    if beside:
        found["content_parts"] = beside
    return found


def merged(chunks: list[Json]) -> Json:
    """The document that chunks add up to: texts put together, of all else the last word."""
    whole: Json = {}
    choices: dict[int, Json] = {}
    for chunk in without_nothing(chunks, padding=_PADDING):
        for name, value in chunk.items():
            if name == "choices":
                for at, entry in enumerate(value):
                    _add_choice(choices.setdefault(entry.get("index", at), {"message": {}}), entry)
            elif name not in _OURS:
                whole[name] = {**whole.get(name, {}), **value} if isinstance(value, dict) else value
    for choice in choices.values():
        _tidy(choice["message"])
    if isinstance(whole.get("x_groq"), dict) and "usage" in whole["x_groq"]:
        whole.setdefault("usage", whole["x_groq"]["usage"])
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole


def _tidy(message: Json) -> None:
    """What hosts leave out though the SDK demands it, and empty texts, make no difference."""
    message.pop("role", None)
    for name in ("content", "reasoning_content", "reasoning", "refusal"):
        if message.get(name) == "":
            del message[name]
    for call in message.get("tool_calls") or ():
        call.pop("index", None)
        if call.setdefault("type", "function") == "function":
            call.setdefault("function", {}).setdefault("arguments", "")


def _add_choice(choice: Json, entry: Json) -> None:
    for name, value in entry.items():
        if name == "delta":
            _add_delta(choice["message"], value)
        elif name == "logprobs":
            kept = choice.setdefault("logprobs", {})
            for key, more in value.items():
                kept[key] = [*kept.get(key, []), *more] if isinstance(more, list) else more
        elif name == "message" and "delta" in entry:
            pass  # it repeats what the deltas have said
        elif not (name == "finish_reason" and value == ""):
            choice[name] = value


def _add_delta(message: Json, delta: Json) -> None:
    for name, value in {**delta, **_flattened(delta)}.items():
        if name == "tool_calls":
            for call in value:
                _add_call(message.setdefault("tool_calls", []), call)
        elif name == "function_call":
            _add_strings(message.setdefault("function_call", {}), value)
        elif name == "audio":
            _add_strings(message.setdefault("audio", {}), value)
        elif isinstance(value, list):
            message.setdefault(name, []).extend(_uncounted(value))
        elif isinstance(value, str) and name not in ("role", "channel"):
            message[name] = message.get(name, "") + value
        else:
            message[name] = value


def _add_call(calls: list[Json], call: Json) -> None:
    index = call.get("index")
    known = [each for each in calls if each["index"] == index] if index is not None else []
    if known:
        into = known[0]
    else:
        into = {"index": len(calls) if index is None else index}
        calls.append(into)
    for name, value in call.items():
        if name in ("function", "custom"):
            _add_strings(into.setdefault(name, {}), value)
        elif name != "index":
            into[name] = value


def _add_strings(into: Json, more: Json) -> None:
    for name, value in more.items():
        grows = isinstance(value, str) and name in ("arguments", "input", "name", "data", "transcript")
        into[name] = into.get(name, "") + value if grows else value


def _uncounted(entries: list[Any]) -> list[Any]:
    return [
        {k: v for k, v in each.items() if k != "index"} if isinstance(each, dict) else each
        for each in entries
    ]
