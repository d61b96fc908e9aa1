"""What the official SDK makes of bytes, and what a completion says, in one form."""

import json
import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
import openai
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from podium.vocabulary.answer import Answer
from podium.vocabulary.part import Json, Reasoning, Refusal, Text, ToolCall

Document = dict[str, Any]


# ── what the SDK makes of bytes ─────────────────────────────────────────────────────────────────────────────────────


class Host:
    """A host that answers whatever it is asked with the same bytes, and the official client before it."""

    def __init__(self) -> None:
        self._answer = httpx2.Response(500)
        self.client = openai.OpenAI(
            api_key="none",
            base_url="http://host.invalid/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(lambda request: self._answer)),
        )

    def answering(self, body: bytes, *, status: int = 200, stream: bool = False) -> openai.OpenAI:
        kind = "text/event-stream" if stream else "application/json"
        self._answer = httpx2.Response(status, content=body, headers={"content-type": kind})
        return self.client


_host = cache(Host)


def sdk_chunks(body: bytes) -> list[ChatCompletionChunk]:
    """The chunks that the SDK gives its user."""
    client = _host().answering(body, stream=True)
    return list(client.chat.completions.create(model="m", messages=[], stream=True))


def sdk_document(body: bytes) -> Document:
    """The completion that the SDK gives its user."""
    completion = _host().answering(body).chat.completions.create(model="m", messages=[])
    return completion.to_dict(exclude_unset=False, warnings=False)


def sdk_error(body: bytes, status: int) -> tuple[type, str, Any, Any]:
    """The class, message, param and code of the error that the SDK raises."""
    try:
        _host().answering(body, status=status).chat.completions.create(model="m", messages=[])
    except openai.APIStatusError as error:
        inner = error.body if isinstance(error.body, dict) else {}
        message = inner.get("message") or inner.get("error") or inner.get("detail") or str(error.body)
        return type(error), str(message), error.param, str(error.code)
    raise AssertionError(f"the SDK takes status {status} for an answer")


def sdk_snapshot(chunks: list[ChatCompletionChunk]) -> Document | None:
    """What the SDK's own accumulator makes of chunks; None where it fails on them."""
    if any(
        isinstance(getattr(choice.delta, "content", None), list)
        for chunk in chunks
        for choice in chunk.choices
    ):
        return None  # it loses what comes as a list
    state: Any = ChatCompletionStreamState()
    try:
        with warnings.catch_warnings(action="ignore"):  # of content that is a list
            for chunk in chunks:
                state.handle_chunk(chunk)
        document: Document = state.current_completion_snapshot.to_dict(exclude_unset=False, warnings=False)
        return document
    except Exception:  # noqa: BLE001 - whatever it raises, a user cannot have the snapshot
        return None


def added_up(chunks: list[ChatCompletionChunk]) -> Document:
    """What a careful user of the SDK adds up from chunks, by hand: for hosts on which its accumulator fails."""
    choices: dict[int, Document] = {}
    usage: Document | None = None
    for chunk in chunks:
        said = chunk.to_dict(exclude_unset=False, warnings=False)
        usage = said.get("usage") or usage  # type: ignore[assignment]  # the SDK types a document's values as object
        for entry in said.get("choices") or ():  # type: ignore[attr-defined]  # the same
            _add_choice(choices, entry)
    return {"choices": [choices[index] for index in sorted(choices)], "usage": usage}


def _add_choice(choices: dict[int, Document], entry: Document) -> None:
    choice = choices.setdefault(
        entry["index"], {"index": entry["index"], "message": {"content": ""}, "finish_reason": None}
    )
    message, delta = choice["message"], entry.get("delta") or {}
    for part in _content_parts(delta.get("content")):
        message["content"] += part[0]
        message["reasoning_content"] = message.get("reasoning_content", "") + part[1]
    for name in ("refusal", "reasoning_content", "reasoning"):
        message[name] = (message.get(name) or "") + (delta.get(name) or "")
    calls = message.setdefault("tool_calls", [])
    for fragment in delta.get("tool_calls") or ():
        index = fragment.get("index")
        if index is None or index >= len(calls):
            calls.append(
                {"id": fragment.get("id"), "type": "function", "function": {"name": "", "arguments": ""}}
            )
            index = len(calls) - 1
        inner = fragment.get("function") or {}
        calls[index]["function"]["name"] += inner.get("name") or ""
        calls[index]["function"]["arguments"] += inner.get("arguments") or ""
    choice["finish_reason"] = choice["finish_reason"] or entry.get("finish_reason")


def _content_parts(content: Any) -> Iterator[tuple[str, str]]:
    """Text and reasoning of a content, which Mistral sends as a list of both."""
    if isinstance(content, dict):
        content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    if isinstance(content, str):
        yield content, ""
    for part in content if isinstance(content, list) else ():
        if part.get("type") == "thinking":
            yield "", "".join(each.get("text") or "" for each in part["thinking"])
        else:
            yield part.get("text") or "", ""


_SAID_ELSEWHERE = ("delta", "message", "finish_reason", "logprobs")


def amended(snapshot: Document, chunks: list[ChatCompletionChunk]) -> Document:
    """The snapshot without what the SDK's accumulator takes from the wrong chunk, or adds up that should not be.

    It takes id, model and time from the first chunk, where Azure's are empty, usage and fingerprint from the last one,
    members beside a delta from a choice's first chunk; it adds up repeated roles and numbers. Here the last word
    that is not null counts, for id, model and time the first.
    """
    amended = dict(snapshot)
    said: list[Document] = [dict(chunk.to_dict(warnings=False)) for chunk in chunks]
    for name in ("id", "model", "created"):
        amended[name] = next((chunk[name] for chunk in said if chunk.get(name)), None)
    for name in ("usage", "system_fingerprint", "service_tier", "provider"):
        amended[name] = next((chunk[name] for chunk in reversed(said) if chunk.get(name)), None)
    amended["choices"] = [dict(choice) for choice in snapshot["choices"]]
    for choice in amended["choices"]:
        choice["message"] = {**choice["message"], "role": "assistant"}
    for entry in (choice for chunk in said for choice in chunk["choices"]):
        mine = next(each for each in amended["choices"] if each["index"] == entry["index"])
        mine.update({k: v for k, v in entry.items() if k not in _SAID_ELSEWHERE and v is not None})
        mine["message"].update({k: v for k, v in (entry.get("delta") or {}).items() if isinstance(v, int)})
    return amended


# ── what a document says, in one form ───────────────────────────────────────────────────────────────────────────────


def facts_of(document: Document) -> list[Document]:
    """What each choice of a completion says, without regard to the members it says it in."""
    return [_facts(choice) for choice in document.get("choices") or ()]


def _facts(choice: Document) -> Document:
    message = choice.get("message") or {}
    parts = list(_content_parts(message.get("content")))
    details = [
        each.get("text") or each.get("summary") or "" for each in message.get("reasoning_details") or ()
    ]
    thoughts = message.get("reasoning_content") or message.get("reasoning") or "".join(details)
    function = message.get("function_call") or {}
    calls = [_call_facts(call) for call in message.get("tool_calls") or ()]
    if function.get("name"):
        calls.append(("", "function", function["name"], function.get("arguments") or ""))
    return {
        "index": choice.get("index"),
        "content": "".join(text for text, _ in parts),
        "reasoning": "".join(thought for _, thought in parts) or thoughts,
        "refusal": message.get("refusal") or "",
        "calls": calls,
        "finish_reason": choice.get("finish_reason"),
    }


def _call_facts(call: Document) -> tuple[str, str, str, str]:
    inner = call.get("function") or call.get("custom") or {}
    kind = call.get("type") or "function"
    return (
        call.get("id") or "",
        kind,
        inner.get("name") or "",
        inner.get("arguments") or inner.get("input") or "",
    )


def facts_of_answer(answer: Answer) -> list[Document]:
    """The same of an answer in the vocabulary."""
    return [
        {
            "index": choice.index,
            "content": "".join(part.text for part in choice.parts if isinstance(part, Text))
            + "".join(bytes(part.value).decode() for part in choice.parts if isinstance(part, Json)),
            "reasoning": "".join(part.text for part in choice.parts if isinstance(part, Reasoning)),
            "refusal": "".join(part.text for part in choice.parts if isinstance(part, Refusal)),
            "calls": [(p.id, p.kind, p.name, p.arguments) for p in choice.parts if isinstance(p, ToolCall)],
            "finish_reason": choice.raw_finish if choice.raw_finish is not None else choice.finish,
        }
        for choice in answer.choices
    ]


def without_nothing(value: Any) -> Any:
    """JSON without its null members, and without padding."""
    if isinstance(value, dict):
        return {
            name: without_nothing(each)
            for name, each in value.items()
            if each is not None and name not in ("obfuscation", "p", "parsed", "parsed_arguments")
        }
    return [without_nothing(each) for each in value] if isinstance(value, list) else value


def difference(expected: Any, got: Any, path: str = "") -> str:
    """Where two JSON values differ first, in words; empty where they do not."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in {**expected, **got}:
            if name not in got:
                return f"{path}.{name} is missing; it was {_short(expected[name])}"
            if name not in expected:
                return f"{path}.{name} is new: {_short(got[name])}"
            if found := difference(expected[name], got[name], f"{path}.{name}"):
                return found
        return ""
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        pairs = enumerate(zip(expected, got, strict=True))
        return next((found for at, (a, b) in pairs if (found := difference(a, b, f"{path}[{at}]"))), "")
    return "" if expected == got else f"{path} is {_short(got)}; it was {_short(expected)}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 120 else text[:100] + "…" + text[-15:]
