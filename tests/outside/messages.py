"""Anthropic's Messages, read by the official `anthropic` SDK."""

import json
from functools import cache
from typing import Any

import anthropic

from tests.outside.exchange import Json
from tests.outside.heard import Canned, Heard, without_nothing

_OURS = ("id", "model", "type", "role")
_GROWING = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class _Sdk:
    def __init__(self) -> None:
        self.canned = Canned()
        self.client = anthropic.Anthropic(
            api_key="none", base_url="http://host.invalid", max_retries=0, http_client=self.canned.http
        )


_sdk = cache(_Sdk)


def read(body: bytes, status: int = 200, *, streamed: bool | None = None) -> Heard:
    """What the SDK makes of an answer."""
    streamed = body.lstrip()[:1] != b"{" if streamed is None else streamed
    sdk, heard, events = _sdk(), Heard(), list[Json]()
    sdk.canned.put(status, body, stream=streamed)
    try:
        if streamed and status == 200:
            stream: Any = sdk.client.messages.create(model="m", max_tokens=9, messages=[], stream=True)
            events.extend(event.to_dict(warnings=False) for event in stream)
        else:
            made: Any = sdk.client.messages.create(model="m", max_tokens=9, messages=[])
            heard.whole = _document(made.to_dict(warnings=False))
            heard.ended = "stop_reason" in heard.whole
    except anthropic.APIError as error:
        heard.error = (type(error).__name__, _words(error))
    if streamed:
        heard.whole = merged(events)
        heard.ended = any(event["type"] == "message_stop" for event in events)
    return heard


def _words(error: anthropic.APIError) -> str:
    body = error.body
    inner = body.get("error") if isinstance(body, dict) else None
    if isinstance(inner, dict):
        return str(inner.get("message"))
    return json.dumps(body, ensure_ascii=False) if body is not None else error.message


def _document(document: Json) -> Json:
    whole: Json = without_nothing(document)
    return {name: value for name, value in whole.items() if name not in _OURS}


def merged(events: list[Json]) -> Json:
    """The document that events add up to. A call's input stands as the exact characters that came."""
    whole: Json = {}
    blocks: dict[int, Json] = {}
    for event in without_nothing(events):
        kind = event["type"]
        if kind == "message_start":
            whole.update(_document(event["message"]))
        elif kind == "content_block_start":
            blocks[event["index"]] = dict(event["content_block"])
        elif kind == "content_block_delta":
            _add(blocks[event["index"]], event["delta"])
        elif kind == "message_delta":
            whole.update(event["delta"])
            whole["usage"] = {**whole.get("usage", {}), **event.get("usage", {})}
            whole.update({k: v for k, v in event.items() if k not in ("type", "delta", "usage")})
    whole["content"] = [_closed(blocks[at]) for at in sorted(blocks)]
    return whole


def _add(block: Json, delta: Json) -> None:
    kind = delta["type"]
    if kind in _GROWING:
        block[_GROWING[kind]] = block.get(_GROWING[kind], "") + delta[_GROWING[kind]]
    elif kind == "input_json_delta":
        block["pieces"] = block.get("pieces", "") + delta["partial_json"]
    elif kind == "citations_delta":
        block.setdefault("citations", []).append(delta["citation"])
    else:
        for name, value in delta.items():
            if name != "type":
                grows = isinstance(value, str) and isinstance(block.get(name), str)
                block[name] = block[name] + value if grows else value


def _closed(block: Json) -> Json:
    pieces = block.pop("pieces", "")
    if pieces:
        block["input"] = pieces
    elif block.get("input") == {}:
        block["input"] = "{}"
    return block


def parsed(whole: Json) -> Json:
    """The same with inputs as JSON, so that streams and documents can be compared."""
    content = [
        {**block, "input": json.loads(block["input"])} if isinstance(block.get("input"), str) else block
        for block in whole.get("content") or ()
    ]
    return {**whole, "content": content}
