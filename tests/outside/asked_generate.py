"""What a request of Gemini's generateContent asks."""

import re
from typing import Any

from tests.outside.asked import Asked, arguments_of, key_of, result_text, schema_of, text_of, tool_of
from tests.outside.exchange import Json

_LOW = re.compile(r"_([a-z])")
_SAMPLED = {
    "temperature": "temperature",
    "topP": "top_p",
    "topK": "top_k",
    "maxOutputTokens": "max",
    "seed": "seed",
    "presencePenalty": "presence",
    "frequencyPenalty": "frequency",
    "logprobs": "top_logprobs",
}
_READ = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "model"}
_READ_WITHIN = {
    "stopSequences",
    "candidateCount",
    "responseLogprobs",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "responseModalities",
    *_SAMPLED,
}
_MODES = {"AUTO": "auto", "NONE": "none", "ANY": "required", "VALIDATED": "auto"}


def camel(value: Json) -> Json:
    """The members by their names in camel case: this dialect takes both."""
    return {_LOW.sub(lambda found: found.group(1).upper(), name): each for name, each in value.items()}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def read(body: Json) -> Asked:
    """The question."""
    asked, body = Asked(), camel(body)
    system = body.get("systemInstruction")
    for part in [{"text": system}] if isinstance(system, str) else _listed((system or {}).get("parts")):
        asked.say_system(part.get("text") or "")
    for content in _listed(body.get("contents")):
        if isinstance(content, str):
            asked.say("user", content)
            continue
        role = "assistant" if content.get("role") == "model" else "user"
        for part in _listed(content.get("parts")):
            _part(asked, role, {"text": part} if isinstance(part, str) else camel(part))
    _tools(asked, body)
    _options(asked, camel(body.get("generationConfig") or {}))
    asked.unread |= {
        n for n, value in body.items() if n not in _READ and value not in (None, [], {}, "", False)
    }
    return asked


def _part(asked: Asked, role: str, part: Json) -> None:
    if part.get("thought"):
        return
    if "text" in part:
        asked.say(role, part["text"] or "")
    elif "functionCall" in part:
        call = camel(part["functionCall"])
        asked.call(call.get("id"), call["name"], arguments_of(call.get("args") or {}))
    elif "functionResponse" in part:
        _result(asked, camel(part["functionResponse"]))
    elif "inlineData" in part:
        _inline(asked, role, camel(part["inlineData"]))
    elif "fileData" in part:
        asked.show(role, camel(part["fileData"])["fileUri"])
    else:
        asked.turn(role).strange.extend(part.keys() - {"thoughtSignature"})


def _inline(asked: Asked, role: str, data: Json) -> None:
    text = text_of(data.get("mimeType"), data["data"])
    if text is None:
        asked.show(role, key_of(data["data"], inline=True))
    else:
        asked.say(role, text)


def _result(asked: Asked, answer: Json) -> None:
    response = answer.get("response")
    if isinstance(response, dict) and set(response) == {"error"}:
        asked.hints.add("error")
    media = [camel(part) for part in answer.get("parts") or ()]
    data = [camel(each["inlineData"]) for each in media if "inlineData" in each]
    text = "".join(text_of(each.get("mimeType"), each["data"]) or "" for each in data)
    asked.result(answer.get("id"), answer.get("name"), result_text(response) + text)
    for inner in media:
        if "inlineData" in inner:
            kept = camel(inner["inlineData"])
            if text_of(kept.get("mimeType"), kept["data"]) is None:
                asked.show("user", key_of(kept["data"], inline=True))
        elif "fileData" in inner:
            asked.show("user", camel(inner["fileData"])["fileUri"])
        elif "text" in inner:
            asked.say("user", inner["text"])


def _tools(asked: Asked, body: Json) -> None:
    for tool in _listed(body.get("tools")):
        named = camel(tool)
        for each in _listed(named.pop("functionDeclarations", None)):
            declared = camel(each)
            parameters = declared.get("parametersJsonSchema") or declared.get("parameters")
            asked.tools[declared["name"]] = tool_of(declared.get("description"), parameters)
        for name, each in named.items():
            if each is not None:
                asked.tools[f"<{name}>"] = each
    config = camel(body.get("toolConfig") or {})
    calling = camel(config.pop("functionCallingConfig", None) or {})
    if calling:
        names = tuple(sorted(calling.get("allowedFunctionNames") or ()))
        asked.choice = (_MODES.get(str(calling.get("mode") or "AUTO").upper(), calling.get("mode")), names)
    asked.unread |= {f"toolConfig.{name}" for name in config}


def _options(asked: Asked, config: Json) -> None:
    modalities = sorted(each.lower() for each in config.get("responseModalities") or ())
    said = {
        **{field: config.get(name) for name, field in _SAMPLED.items()},
        "stop": config.get("stopSequences") or None,
        "n": config.get("candidateCount") if config.get("candidateCount") != 1 else None,
        "logprobs": config.get("responseLogprobs") or None,
        "modalities": modalities or None,
    }
    asked.sampling = {name: value for name, value in said.items() if value not in (None, ["text"])}
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    if schema:
        asked.format = schema_of(schema)
    elif config.get("responseMimeType") == "application/json":
        asked.format = "json"
    _thinking(asked, camel(config.get("thinkingConfig") or {}))
    asked.unread |= {
        f"generationConfig.{name}"
        for name, value in config.items()
        if name not in _READ_WITHIN and value is not None
    }


def _thinking(asked: Asked, config: Json) -> None:
    if config.get("thinkingBudget") is not None:
        asked.effort = None if config["thinkingBudget"] == -1 else config["thinkingBudget"] != 0
    elif config.get("thinkingLevel") is not None:
        asked.effort = (
            True  # thoughts are shown wherever a host shows them: `includeThoughts` asks for no more
        )
