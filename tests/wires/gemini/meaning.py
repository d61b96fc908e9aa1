"""What a recorded request means, whichever of its many forms it has."""

import base64
from typing import Any

from podium.wires.gemini.member import camel_name
from podium.wires.gemini.schema import json_schema
from podium.wires.member import decode_any, raw

Json = dict[str, Any]

_AS_IS = ("args", "response")
_CONFIG = (
    "temperature",
    "topP",
    "topK",
    "maxOutputTokens",
    "stopSequences",
    "candidateCount",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseLogprobs",
    "logprobs",
)


def meaning(sent: Json) -> Json:
    """A request with its many ways of saying the same brought to one, and without members that the vocabulary lacks."""
    named = {camel_name(name): value for name, value in sent.items()}
    config = {camel_name(name): value for name, value in (named.get("generationConfig") or {}).items()}
    thinking = {camel_name(k): v for k, v in (config.get("thinkingConfig") or {}).items()}
    thinking.pop("includeThoughts", None)
    if "thinkingLevel" in thinking:
        thinking["thinkingLevel"] = thinking["thinkingLevel"].lower()
    choice = _named(named.get("toolConfig") or {}).get("functionCallingConfig") or {}
    return {
        "system": _parts(_named(named.get("systemInstruction") or {})),
        "contents": _contents(named["contents"]),
        "tools": _tools(named.get("tools") or []),
        "choice": {**choice, "mode": choice["mode"].upper()} if "mode" in choice else choice,
        "schema": _schema(config),
        "thinking": thinking,
        **{name: config[name] for name in _CONFIG if config.get(name) not in (None, [])},
    }


def _schema(config: Json) -> Any:
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    mime = config.get("responseMimeType") if config.get("responseMimeType") != "text/plain" else None
    return [mime, _plain(schema)]


def _plain(schema: Any) -> Any:
    return decode_any(json_schema(raw(schema))) if schema else schema


def _named(value: Any) -> Any:
    """Names as Google writes them, but not within what is the caller's own."""
    if isinstance(value, list):
        return [_named(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        camel_name(k): v if camel_name(k) in _AS_IS else _named(v) for k, v in value.items() if v is not None
    }


def _contents(contents: Any) -> list[Json]:
    merged: list[Json] = []
    for content in contents if isinstance(contents, list) else [contents]:
        role = "model" if content.get("role") == "model" else "user"
        parts = _parts(content)
        if merged and merged[-1]["role"] == role:
            merged[-1]["parts"].extend(parts)
        elif parts:
            merged.append({"role": role, "parts": parts})
    return merged


def _parts(content: Json) -> list[Json]:
    parts = content.get("parts") or []
    found = [_part(_named(part)) for part in (parts if isinstance(parts, list) else [parts])]
    return [part for part in found if part != {"text": ""}]


def _part(part: Json) -> Json:
    for name in ("inlineData", "thoughtSignature"):
        if name in part:
            part = {**part, name: _canonical(part[name])}
    if "functionCall" in part:
        part["functionCall"].setdefault("args", {})
    response = part.get("functionResponse")
    if response:
        response["parts"] = [_part(_named(each)) for each in response.get("parts") or ()]
    return part


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "data": _canonical(value["data"])}
    standard = value.translate(str.maketrans("-_", "+/")).rstrip("=")
    return base64.b64decode(standard + "=" * (-len(standard) % 4)).hex()


def _tools(tools: Any) -> list[Json]:
    meant: list[Json] = []
    hosted: list[Json] = []
    for tool in tools if isinstance(tools, list) else [tools]:
        for name, value in _named_once(tool).items():
            if name != "functionDeclarations":
                hosted.append({name: value})
                continue
            for each in value:
                declared = _named_once(each)
                schema = declared.pop("parametersJsonSchema", None) or declared.pop("parameters", None)
                meant.append({**declared, "schema": _plain(schema)})
    return [*meant, *hosted]


def _named_once(value: Json) -> Json:
    return {camel_name(name): each for name, each in value.items() if each is not None}
