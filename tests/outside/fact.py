"""What an answer says to a client of chat completions, whichever dialect its host spoke."""

import json
from typing import Any

from tests.outside.exchange import Json

_STOP = {
    "end_turn": ("stop",),
    "stop_sequence": ("stop",),
    "max_tokens": ("length",),
    "model_context_window_exceeded": ("length",),
    "tool_use": ("tool_calls",),
    "refusal": ("content_filter",),
}
_FINISH = {"STOP": ("stop",), "MAX_TOKENS": ("length",), 1: ("stop",), 2: ("length",)}
_FILTERED = (
    *("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", 3, 4, 6, 7, 8, 10),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
)
_FAILED: dict[object, str] = {5: "other", 9: "malformed_function_call"}


def of_chat(whole: Json) -> Json:
    """The facts of a completion."""
    usage = whole.get("usage")
    return {
        "choices": [_choice(entry) for entry in whole.get("choices") or ()],
        "usage": None if usage is None else _chat_usage(usage),
    }


def _choice(entry: Json) -> Json:
    message = entry.get("message") or {}
    details = message.get("reasoning_details") or ()
    return {
        "content": message.get("content") or "",
        "reasoning": message.get("reasoning_content") or message.get("reasoning") or "",
        "sealed": bool(details) or any("extra_content" in call for call in message.get("tool_calls") or ()),
        "refusal": message.get("refusal") or "",
        "calls": [
            (call.get("type"), call["function"]["name"], _value(call["function"]["arguments"]))
            for call in message.get("tool_calls") or ()
        ],
        "ids": [call.get("id") for call in message.get("tool_calls") or ()],
        "images": [each["image_url"]["url"] for each in message.get("images") or ()],
        "cited": sorted(
            _cited(each.get("url_citation") or each, message.get("content") or "")
            for each in message.get("annotations") or ()
        ),
        "logprobs": [each["token"] for each in (entry.get("logprobs") or {}).get("content") or ()],
        "finish": entry.get("finish_reason"),
    }


def _cited(entry: Json, content: str) -> tuple[str, str]:
    start, end = entry.get("start_index"), entry.get("end_index")
    stretch = content[start:end] if isinstance(start, int) and isinstance(end, int) else ""
    return entry.get("url") or entry.get("title") or "", stretch


def _value(arguments: Any) -> Any:
    """A call's arguments as JSON, its numbers as they were written."""
    try:
        return json.loads(arguments, parse_float=str, parse_int=str)
    except ValueError:
        return arguments


def _chat_usage(usage: Json) -> Json:
    return {
        "prompt": usage.get("prompt_tokens"),
        "completion": usage.get("completion_tokens"),
        "total": usage.get("total_tokens"),
        "cached": (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0,
        "thought": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0,
    }


def of_messages(whole: Json) -> Json:
    """The facts of a message."""
    blocks = whole.get("content") or ()
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [block for block in blocks if block["type"] == "tool_use"]
    thoughts = [block for block in blocks if block["type"] in ("thinking", "redacted_thinking")]
    word = whole.get("stop_reason")
    choice = {
        "content": "".join(texts),
        "reasoning": "".join(block.get("thinking") or "" for block in thoughts),
        "sealed": any(block.get("signature") or block.get("data") for block in thoughts),
        "refusal": "",
        "calls": [
            (
                "function",
                block["name"],
                _value(block["input"]) if isinstance(block["input"], str) else _strung(block["input"]),
            )
            for block in calls
        ],
        "ids": [block["id"] for block in calls],
        "images": [],
        "cited": sorted(
            (cited.get("url") or cited.get("source") or cited.get("document_title") or "", block["text"])
            for block in blocks
            if block["type"] == "text"
            for cited in block.get("citations") or ()
        ),
        "logprobs": [],
        "finish": _STOP.get(str(word)) or (("tool_calls",) if calls else (word,)),
    }
    return {"choices": [choice], "usage": _messages_usage(whole.get("usage"))}


def _strung(value: Any) -> Any:
    return _value(json.dumps(value))


def _messages_usage(usage: Json | None) -> Json | None:
    if usage is None:
        return None
    read, written = (
        usage.get("cache_read_input_tokens") or 0,
        usage.get("cache_creation_input_tokens") or 0,
    )
    prompt, completion = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
    for each in usage.get("iterations") or ():
        if each.get("type") != "message":  # what compaction and advisors used is not in the counts at the top
            prompt += each.get("input_tokens") or 0
            read += each.get("cache_read_input_tokens") or 0
            written += each.get("cache_creation_input_tokens") or 0
            completion += each.get("output_tokens") or 0
    prompt += read + written
    return {
        "prompt": prompt,
        "completion": completion,
        "total": prompt + completion,
        "cached": read,
        "thought": (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    }


def of_generate(whole: Json) -> Json:
    """The facts of Gemini's answer. A prompt that was blocked is one empty choice."""
    choices = [_candidate(entry) for entry in whole.get("candidates") or ()]
    if not choices:
        choices = [{**_candidate({"parts": []}), "finish": ("content_filter",)}]
    elif (whole.get("promptFeedback") or {}).get("blockReason"):
        choices = [{**each, "finish": ("content_filter",)} for each in choices]
    return {"choices": choices, "usage": _generate_usage(whole.get("usageMetadata"))}


def _candidate(entry: Json) -> Json:
    parts = entry["parts"]
    texts = [each for kind, each in parts if kind == "text"]
    whole = [each for kind, each in parts if kind == "part"]
    calls = [each["functionCall"] for each in whole if "functionCall" in each]
    images = [each["inlineData"] for each in whole if "inlineData" in each and not each.get("thought")]
    texts_within = [each["text"] for each in whole if "text" in each and not each.get("thought")]
    word = entry.get("finishReason")
    finish = ("content_filter",) if word in _FILTERED else _FINISH.get(word)
    finish = finish or (_FAILED.get(word, str(word).lower()),)
    if calls and finish != ("length",) and word not in _FILTERED:
        finish = ("tool_calls",)
    return {
        "content": "".join(texts + texts_within),
        "reasoning": "".join(each for kind, each in parts if kind == "thought"),
        "sealed": any(kind == "signature" for kind, _ in parts),
        "refusal": "",
        "calls": [("function", call["name"], _strung(call.get("args") or {})) for call in calls],
        "ids": [call.get("id") for call in calls],
        "images": [f"data:{each['mimeType']};base64,{each['data']}" for each in images],
        "cited": _grounds(entry),
        "logprobs": [
            each.get("token") for each in (entry.get("logprobsResult") or {}).get("chosenCandidates") or ()
        ],
        "finish": finish,
    }


def _grounds(entry: Json) -> list[Any]:
    grounding = entry.get("groundingMetadata") or {}
    chunks = grounding.get("groundingChunks") or ()
    found = []
    for support in grounding.get("groundingSupports") or ():
        for at in support.get("groundingChunkIndices") or ():
            if at < len(chunks):
                source: Json = next(iter(chunks[at].values()), {})
                uri = source.get("uri") or source.get("title") or ""
                if uri:
                    found.append((uri, (support.get("segment") or {}).get("text") or ""))
    cited = (entry.get("citationMetadata") or {}).get("citationSources") or ()
    found += [(source.get("uri") or "", "") for source in cited]
    return sorted(found)


def _generate_usage(usage: Json | None) -> Json | None:
    if usage is None:
        return None
    tool, prompt = usage.get("toolUsePromptTokenCount") or 0, usage.get("promptTokenCount") or 0
    thought, said = usage.get("thoughtsTokenCount") or 0, usage.get("candidatesTokenCount") or 0
    total = usage.get("totalTokenCount") or prompt + tool + said + thought
    unseen = max(0, total - prompt - tool - said - thought)
    return {
        "prompt": prompt + tool,
        "completion": said + thought + unseen,
        "total": max(total, prompt + tool + said + thought),
        "cached": usage.get("cachedContentTokenCount") or 0,
        "thought": thought + unseen,
    }
