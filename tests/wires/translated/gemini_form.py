"""What a request of Gemini's `generateContent` means."""

import re
from typing import Any

from tests.wires.translated.form import (
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
    text_document,
)

_DRAWN = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max_output",
    "candidateCount": "choices",
    "seed": "seed",
    "presencePenalty": "presence_penalty",
    "frequencyPenalty": "frequency_penalty",
    "responseLogprobs": "logprobs",
    "logprobs": "top_logprobs",
}
_CONFIGURED = {
    *_DRAWN,
    *("stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig"),
    "responseModalities",
}
_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_STORED = re.compile(r"gs://|files/|https://[a-z0-9.-]*googleapis\.com/v\w+/files/")
_AS_IS = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema")


def _camel(value: Any) -> Any:
    """Names as Google writes them, but not within what is the caller's own."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub(r"_([a-z])", lambda found: found[1].upper(), k): v for k, v in value.items()}
    return {k: v if k in _AS_IS else _camel(v) for k, v in named.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def gemini_form(sent: Json, *, ours: bool = False) -> Form:
    """The meaning of a request of this dialect."""
    form = Form()
    ids = Ids()
    sent = _camel(sent)
    form.say("system", _parts(form, ids, sent.get("systemInstruction") or {}))
    for content in _listed(sent["contents"]):
        role = "model" if content.get("role") == "model" else "user"
        if content.get("role") not in (None, "", "user", "model", "function"):
            form.beyond.add("unknown role")
        form.say(role, _parts(form, ids, content))
    _tools(form, sent)
    _config(form, sent.get("generationConfig") or {})
    if ours:
        read_answer_tool(form)
    if sent.get("cachedContent"):
        form.beyond.add("cached content")
    known = {"systemInstruction", "contents", "tools", "toolConfig", "generationConfig", "cachedContent"}
    form.rest(sent, known)
    return form


def _config(form: Form, config: Json) -> None:
    form.drawn = {name: config[key] for key, name in _DRAWN.items() if config.get(key) is not None}
    form.drawn["stop"] = config.get("stopSequences") or []
    thinking = config.get("thinkingConfig") or {}
    form.effort = effort_of(thinking.get("thinkingLevel"), thinking.get("thinkingBudget"))
    form.rest(thinking, {"thinkingLevel", "thinkingBudget", "includeThoughts"})
    form.schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if form.schema is not None:
        form.schema = plain_schema(form.schema)
    elif config.get("responseMimeType") == "application/json":
        form.schema = "any"
    elif config.get("responseMimeType") not in (None, "text/plain"):
        form.beyond.add("foreign schema")
    if any(each.upper() != "TEXT" for each in config.get("responseModalities") or ()):
        form.beyond.add("other than text")
    form.rest(config, _CONFIGURED)


def _tools(form: Form, sent: Json) -> None:
    for tool in _listed(sent.get("tools")):
        for name, value in tool.items():
            if name != "functionDeclarations":
                form.beyond.add("hosted tool")
                continue
            for each in value:
                form.rest(each, {"name", "description", "parameters", "parametersJsonSchema"})
                schema = each.get("parametersJsonSchema") or each.get("parameters")
                form.tools[each["name"]] = Tool(
                    each["name"], each.get("description") or "", plain_schema(schema)
                )
    outer = sent.get("toolConfig") or {}
    config = outer.get("functionCallingConfig") or {}
    form.rest(outer, {"functionCallingConfig"})
    form.rest(config, {"mode", "allowedFunctionNames"})
    form.mode = _MODES[(config.get("mode") or "AUTO").upper()]
    names = config.get("allowedFunctionNames")
    form.names = frozenset(names) if names else None


def _parts(form: Form, ids: Ids, content: Json) -> list[Item]:
    found = (_part(form, ids, part) for part in _listed(content.get("parts")))
    return [item for item in found if item is not None]


def _part(form: Form, ids: Ids, part: Json) -> Item | None:
    beside = {"thought", "thoughtSignature", "text", "inlineData", "fileData", "functionCall"}
    form.rest(part, beside | {"functionResponse"} | set(_FOREIGN))
    item: Item | None
    if part.get("thought"):
        form.unread.append("reasoning")
        item = None
    elif "functionCall" in part:
        inner = part["functionCall"]
        form.rest(inner, {"id", "name", "args"})
        number = ids.call(inner.get("id") or "", inner["name"])
        item = Call(number, inner["name"], inner.get("args") or {})
    elif "functionResponse" in part:
        item = _result(form, ids, part["functionResponse"])
    elif "inlineData" in part or "fileData" in part:
        item = _media(form, part)
    elif part.get("text") is not None:
        item = part["text"]
    elif part.keys() <= {"thoughtSignature"}:
        item = None
    else:
        form.beyond.add("foreign part")
        item = Foreign(next(iter(part.keys() - {"thoughtSignature"}), ""))
    return item


_FOREIGN = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


def _media(form: Form, part: Json) -> Item:
    inner = part.get("inlineData") or part["fileData"]
    form.rest(inner, {"data", "mimeType", "fileUri"})
    mime = inner.get("mimeType") or ""
    kind = mime.partition("/")[0]
    if kind in ("audio", "video"):
        form.beyond.add(kind)
    if "data" in inner:
        if mime.startswith("text/"):
            return text_document(inner["data"])
        return inline(inner["data"], mime)
    if _STORED.match(inner["fileUri"]):
        form.beyond.add("file id")
    elif kind == "audio":
        form.beyond.add("audio url")
    elif kind != "image":
        form.beyond.add("document url")
    return Media("", inner["fileUri"])


def _result(form: Form, ids: Ids, inner: Json) -> Result:
    form.rest(inner, {"id", "name", "response", "parts"})
    response = inner.get("response")
    only = next(iter(response.items()), None) if response and len(response) == 1 else None
    text: Any = "" if response is None else response
    is_error = False
    if only is not None and only[0] in ("output", "error"):
        is_error = only[0] == "error"
        text = loose(only[1]) if isinstance(only[1], str) else response
    media = [_media(form, part) for part in inner.get("parts") or ()]
    number = ids.result(inner.get("id") or "", inner["name"])
    shown = tuple(each for each in media if isinstance(each, Media))
    return Result(number, text, shown, is_error=is_error)
