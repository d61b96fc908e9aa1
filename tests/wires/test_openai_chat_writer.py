"""The server half of answers: exact shapes, and what the official SDK reads from them."""

import json
from typing import Any

import pytest
from msgspec import Raw, structs
from pydantic import BaseModel

from podium.errors import (
    Busy,
    InvalidRequest,
    Overloaded,
    PodiumError,
    ProviderError,
    Rejected,
    Unauthenticated,
    UnknownModel,
)
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Annotation, Extra, Image, Media, Text
from podium.vocabulary.request import Line, Request
from podium.vocabulary.usage import Usage
from tests.wires.sdk import Host, sdk_chunks, sdk_document, sdk_error, sdk_snapshot
from tests.wires.streams import WIRE, chunk, collected, document, event, read, stream

ASKED = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True)


def frames(deltas: list[Delta], request: Request = ASKED) -> list[Any]:
    writer = WIRE.writer(request, answer_id="chatcmpl-1", created=7, model="mine")
    body = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
    assert body.endswith(b"data: [DONE]\n\n")
    return [json.loads(line[6:]) for line in body.split(b"\n\n")[:-2]]


def test_a_stream_of_text_has_openais_very_shape() -> None:
    deltas: list[Delta] = [
        AnswerStarted("x", "theirs", 1),
        TextDelta(0, "Hi"),
        TextDelta(0, " ü"),
        UsageSeen(Usage(1, 2)),
        Finished("stop"),
    ]
    own = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "mine"}
    said = [{"role": "assistant", "content": "", "refusal": None}, {"content": "Hi"}, {"content": " ü"}, {}]
    ends = [None, None, None, "stop"]
    assert frames(deltas) == [
        {**own, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": end}]}
        for delta, end in zip(said, ends, strict=True)
    ]


def test_usage_stands_in_the_last_chunk_alone_and_only_if_asked_for() -> None:
    deltas: list[Delta] = [
        TextDelta(0, "Hi"),
        UsageSeen(Usage(input=3, cached_input=2, output=1, reasoning=4)),
        Finished("stop"),
    ]
    assert not any("usage" in frame for frame in frames(deltas))
    *early, last = frames(deltas, structs.replace(ASKED, include_usage=True))
    assert [frame["usage"] for frame in early] == [None] * len(early)
    assert last["choices"] == []
    assert (
        last["usage"]["prompt_tokens"],
        last["usage"]["completion_tokens"],
        last["usage"]["total_tokens"],
    ) == (5, 5, 10)
    assert last["usage"]["prompt_tokens_details"]["cached_tokens"] == 2
    assert last["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4


def test_a_hosts_own_usage_passes_verbatim() -> None:
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "queue_time": 0.5}
    deltas = read(document({"content": "Hi"}, usage=usage))
    assert frames(deltas, structs.replace(ASKED, include_usage=True))[-1]["usage"] == usage


def test_calls_are_counted_for_themselves_and_named_once() -> None:
    deltas: list[Delta] = [
        ReasoningDelta(0, "Hm"),
        TextDelta(1, "So"),
        ToolCallStarted(2, "a", "f"),
        ToolCallDelta(2, "{}"),
        ToolCallStarted(3, "b", "c", kind="custom"),
        ToolCallDelta(3, "raw"),
        ToolCallCompleted(2),
        ToolCallCompleted(3),
        Finished("tool_calls"),
    ]
    said = [frame["choices"][0]["delta"] for frame in frames(deltas)]
    assert said[0] == {"role": "assistant", "content": None, "reasoning_content": "Hm"}
    assert [fragment for delta in said for fragment in delta.get("tool_calls", ())] == [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "id": "b", "type": "custom", "custom": {"name": "c", "input": ""}},
        {"index": 1, "custom": {"input": "raw"}},
    ]
    assert sum("role" in delta for delta in said) == 1


def test_who_asked_with_functions_is_answered_with_a_function_call() -> None:
    sent = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "functions": [{"name": "f"}],
        "stream": True,
    }
    request = WIRE.read_request({}, json.dumps(sent).encode())
    deltas: list[Delta] = [
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallCompleted(0),
        Finished("tool_calls"),
    ]
    said = [frame["choices"][0] for frame in frames(deltas, request)]
    assert said[0]["delta"] == {
        "role": "assistant",
        "content": None,
        "function_call": {"name": "f", "arguments": ""},
    }
    assert said[1]["delta"] == {"function_call": {"arguments": "{}"}}
    assert said[2]["finish_reason"] == "function_call"
    whole = WIRE.writer(request, answer_id="i", created=7, model="m").whole(collected(deltas))
    assert json.loads(whole)["choices"][0]["message"]["function_call"] == {"name": "f", "arguments": "{}"}


def test_citations_and_pictures_have_an_index_in_a_stream() -> None:
    picture = Image(Media("inline", "AAAA", "image/png"))
    text = Text("Hi", annotations=(Annotation("url_citation", url="http://u", start=0, end=2),))
    deltas: list[Delta] = [TextDelta(0, "Hi"), PartDone(1, picture), PartDone(0, text), Finished("stop")]
    said = [frame["choices"][0]["delta"] for frame in frames(deltas)]
    assert said[2]["images"][0] == {
        "index": 1,
        "type": "image_url",
        "image_url": {"url": "data:image/png;base64,AAAA"},
    }
    assert said[3] == {
        "annotations": [
            {
                "type": "url_citation",
                "index": 0,
                "url_citation": {"start_index": 0, "end_index": 2, "url": "http://u"},
            }
        ]
    }


def test_unknown_members_of_every_level_come_back_where_they_were() -> None:
    choice = {"index": 0, "delta": {"content": "Hi", "d": [1]}, "finish_reason": None, "c": {"x": 1.50}}
    call: dict[str, Any] = {
        "index": 0,
        "id": "a",
        "type": "function",
        "function": {"name": "f", "arguments": "", "fx": 1},
        "cx": 2,
    }
    body = (
        chunk({"role": "assistant"}, system_fingerprint="fp", service_tier="default", first=1)
        + event({"id": "c1", "choices": [choice], "system_fingerprint": "fp", "obfuscation": "ab"})
        + chunk({"tool_calls": [call]}, system_fingerprint="fp2")
        + chunk({}, "tool_calls", last=1)
    )
    said = frames(read(body))
    assert said[0]["system_fingerprint"] == said[1]["system_fingerprint"] == "fp"
    assert said[0]["first"] == 1
    assert (said[1]["obfuscation"], said[1]["choices"][0]["c"], said[1]["choices"][0]["delta"]) == (
        "ab",
        {"x": 1.5},
        {"content": "Hi", "d": [1]},
    )
    assert said[2]["system_fingerprint"] == "fp2"
    assert said[2]["choices"][0]["delta"]["tool_calls"] == [call]
    assert said[3]["last"] == 1
    message = {
        "role": "assistant",
        "content": "Hi",
        "refusal": None,
        "mx": 1,
        "tool_calls": [{**call, "function": {**call["function"], "arguments": "{}"}}],
    }
    whole = json.loads(document(message, "tool_calls", system_fingerprint="fp", x={"y": 1}))
    whole["choices"][0] |= {"logprobs": None, "cx": 1}
    answer = collected(read(json.dumps(whole).encode()))
    writer = WIRE.writer(ASKED, answer_id="c1", created=7, model="m-1")
    assert json.loads(writer.whole(answer)) == whole


def test_unknown_members_of_another_wire_stay_there() -> None:
    value = Raw(b'{"x":1}')
    foreign = Extra("anthropic", {"answer": value, "choice": value, "message": value})
    deltas: list[Delta] = [
        AnswerStarted(extra=foreign),
        TextDelta(0, "Hi", extra=foreign),
        Finished("stop", raw="end_turn", extra=foreign),
    ]
    assert all(frame.keys() == {"id", "object", "created", "model", "choices"} for frame in frames(deltas))
    assert frames(deltas)[-1]["choices"][0]["finish_reason"] == "stop"


def test_the_content_of_calls_alone_is_null() -> None:
    deltas: list[Delta] = [
        ToolCallStarted(0, "a", "f"),
        ToolCallDelta(0, "{}"),
        ToolCallCompleted(0),
        Finished("tool_calls"),
    ]
    whole = WIRE.writer(ASKED, answer_id="i", created=7, model="m").whole(collected(deltas))
    assert sdk_document(whole)["choices"][0]["message"]["content"] is None
    assert json.loads(whole)["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }


def test_the_sdk_adds_a_stream_up_to_the_document() -> None:
    details = [{"type": "reasoning.text", "text": "Hm"}]
    body = stream(
        {"reasoning": "Hm", "reasoning_details": details},
        {"reasoning": "m", "reasoning_details": details},
        {"content": "Hi"},
    )
    writer = WIRE.writer(ASKED, answer_id="i", created=7, model="m")
    deltas = read(body)
    snapshot = sdk_snapshot(sdk_chunks(b"".join(writer.frame(delta) for delta in deltas) + writer.end()))
    assert snapshot is not None
    message = snapshot["choices"][0]["message"]
    assert (message["content"], message["reasoning"], len(message["reasoning_details"])) == ("Hi", "Hmm", 2)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"),
        ("pause_turn", "pause_turn"),
        ("OTHER", "other"),
        ("99", "other"),
        (None, "other"),
    ],
)
def test_a_failed_end_of_another_host_keeps_its_word_and_the_sdk_takes_it(
    word: str | None, told: str
) -> None:
    class City(BaseModel):
        name: str

    deltas: list[Delta] = [TextDelta(0, '{"name":"Bonn"}'), Finished("other", raw=word)]
    writer = WIRE.writer(ASKED, answer_id="i", created=7, model="m")
    snapshot = sdk_snapshot(sdk_chunks(b"".join(writer.frame(delta) for delta in deltas) + writer.end()))
    assert snapshot is not None
    assert snapshot["choices"][0]["finish_reason"] == told
    whole = writer.whole(collected(deltas))
    assert sdk_document(whole)["choices"][0]["finish_reason"] == told
    client = Host().answering(whole)
    parsed = client.chat.completions.parse(model="m", messages=[], response_format=City)
    assert parsed.choices[0].message.parsed == City(name="Bonn")


def test_a_broken_stream_ends_with_an_error_and_no_terminator() -> None:
    writer = WIRE.writer(ASKED, answer_id="i", created=7, model="m")
    body = writer.error(502, ProviderError("It broke off."))
    assert body.startswith(b'data: {"error":{"message":"It broke off."')
    assert body.endswith(b"}\n\n")
    assert b"[DONE]" not in body


@pytest.mark.parametrize(
    ("status", "error", "kind", "code"),
    [
        (400, InvalidRequest("No.", param="n"), "invalid_request_error", "invalid_request"),
        (401, Unauthenticated(), "invalid_request_error", "invalid_api_key"),
        (404, UnknownModel("No model."), "invalid_request_error", "model_not_found"),
        (409, Busy(), "conflict_error", "conversation_busy"),
        (429, Overloaded(), "rate_limit_error", "upstream_overloaded"),
        (503, Overloaded(), "server_error", "upstream_overloaded"),
    ],
)
def test_an_error_is_said_in_the_dialects_words(
    status: int, error: PodiumError, kind: str, code: str
) -> None:
    said = json.loads(WIRE.write_error(status, error))["error"]
    assert (said["message"], said["type"], said["param"], said["code"]) == (
        error.message,
        kind,
        error.param,
        code,
    )


def test_a_hosts_refusal_passes_in_its_own_words() -> None:
    theirs = {
        "error": {
            "message": "Too long.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    }
    error = WIRE.read_error(400, {}, json.dumps(theirs).encode())
    assert isinstance(error, Rejected)
    assert json.loads(WIRE.write_error(400, error)) == theirs
    assert sdk_error(WIRE.write_error(400, error), 400) == sdk_error(json.dumps(theirs).encode(), 400)


def test_a_hosts_refusal_of_our_key_says_nothing_of_the_key() -> None:
    error = WIRE.read_error(401, {}, b'{"error":{"message":"Incorrect API key provided: sk-abc"}}')
    assert b"sk-abc" not in WIRE.write_error(502, error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"m","type":"t","param":null,"code":"c"}}', "m"),
        (b'{"type":"error","error":{"type":"t","message":"m"},"request_id":"r"}', "m"),
        (b'[{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"m","details":[]}}]', "m"),
        (b'{"message":"m"}', "m"),
        (b'{"id":"1","message":"m"}', "m"),
        (b'{"detail":"m"}', "m"),
        (b'{"detail":[{"loc":["body"],"msg":"m"}]}', '[{"loc":["body"],"msg":"m"}]'),
        (b'{"error":"m"}', "m"),
        (b'{"code":"The caller","error":"m"}', "m"),
        (
            b'{"error":{"message":"m","code":400,"metadata":{"raw":"why","provider_name":"x"}},"user_id":"u"}',
            "m: why",
        ),
        (b"m", "m"),
        (b"<html>", "The model's host answered with status 400."),
        (b"", "The model's host answered with status 400."),
    ],
)
def test_every_envelope_is_looked_into(body: bytes, message: str) -> None:
    error = WIRE.read_error(400, {}, body)
    assert isinstance(error, Rejected)
    assert (error.message, error.body, error.status) == (message, body, 400)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_may_pass_is_told_from_what_will_not(status: int) -> None:
    error = WIRE.read_error(status, {"retry-after": "7"}, b"")
    assert isinstance(error, Overloaded)
    assert (error.after, error.retryable) == (7, True)
    assert isinstance(WIRE.read_error(422, {}, b""), Rejected)


def test_an_empty_purse_is_not_worth_another_try() -> None:
    error = WIRE.read_error(
        429, {}, b'{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}'
    )
    assert isinstance(error, Overloaded)
    assert not error.retryable


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 07:00:10 GMT", "date": "Sat, 21 Nov 2026 07:00:00 GMT"}, 10),
        ({"retry-after": "Sat, 21 Nov 2026 06:00:00 GMT", "date": "Sat, 21 Nov 2026 07:00:00 GMT"}, None),
        ({"retry-after": "Sat, 21 Nov 2026 07:00:10 GMT"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "999999999"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_in_every_form_and_absurd_waits_are_ignored(
    headers: dict[str, str], after: float | None
) -> None:
    assert WIRE.read_error(429, headers, b"").after == after
