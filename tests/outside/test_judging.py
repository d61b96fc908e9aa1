"""The judges notice what they are there for: each fault here is planted."""

import json
from dataclasses import replace

import pytest

from tests.outside import answer, cut, translation
from tests.outside.exchange import Exchange, Json, Reply, Wire
from tests.outside.host import Sent
from tests.outside.house import Got, Passage

SAID: dict[Wire, Json] = {
    "openai_chat": {
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": "hi",
                    "tool_calls": [
                        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1.0}'}}
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "anthropic": {
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "text", "text": "hi"},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1.5}},
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "gemini": {
        "candidates": [
            {
                "content": {
                    "parts": [{"text": "hi"}, {"functionCall": {"name": "f", "args": {"a": 1.5}}}],
                    "role": "model",
                },
                "finishReason": "STOP",
            }
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    },
}
ASKED: Json = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
    "temperature": 0.5,
    "stop": ["x"],
    "user": "u",
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
}
WRITTEN: Json = {
    "model": "m",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "hi"}],
    "temperature": 0.5,
    "stop_sequences": ["x"],
    "max_tokens": 9,
    "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}}],
}


def _exchange(wire: Wire, said: Json, *, request: Json | None = None) -> Exchange:
    reply = Reply(200, "application/json", json.dumps(said).encode())
    return Exchange("case", "family", wire, "m", request or {}, (), streams=False, framed=True, reply=reply)


def _got(said: Json | bytes, **headers: str) -> Got:
    return Got(200, headers, said if isinstance(said, bytes) else json.dumps(said).encode())


@pytest.mark.parametrize("wire", SAID)
@pytest.mark.parametrize(
    "change", [('"hi"', '"ho"'), ("1.5", "2.5"), ("1.0", "1"), (" 2", " 4"), ("STOP", "SAFETY")]
)
def test_a_changed_answer_is_noticed(wire: Wire, change: tuple[str, str]) -> None:
    exchange = _exchange(wire, SAID[wire])
    assert answer.judge_own(exchange, _got(SAID[wire])) == ""
    text = json.dumps(SAID[wire])
    changed = text.replace(*change)
    assert (answer.judge_own(exchange, _got(changed.encode())) != "") == (changed != text)


@pytest.mark.parametrize("wire", ["anthropic", "gemini"])
def test_an_answer_of_another_wire_is_held_to_what_it_says(wire: Wire) -> None:
    exchange = _exchange(wire, SAID[wire])
    told = json.loads(json.dumps(SAID["openai_chat"]).replace("1.0", "1.5"))
    assert answer.judge_chat(exchange, _got(told)) == ""
    told["usage"]["completion_tokens"] = 7
    assert "completion" in answer.judge_chat(exchange, _got(told))
    assert answer.judge_chat(exchange, _got(SAID["openai_chat"])) != ""


def test_a_swallowed_error_is_noticed() -> None:
    refused = _exchange("openai_chat", SAID["openai_chat"])
    refused = replace(
        refused, reply=replace(refused.reply, status=404, body=b'{"error": {"message": "no m"}}')
    )
    assert answer.judge_own(refused, _got(SAID["openai_chat"])) != ""
    told = Got(404, {}, b'{"error": {"message": "no m"}}')
    assert answer.judge_own(refused, told) == ""
    assert answer.judge_own(refused, replace(told, status=400)) != ""


def test_a_member_that_does_not_arrive_is_noticed() -> None:
    exchange = _exchange("openai_chat", SAID["openai_chat"], request=ASKED)
    sent = Sent("/v1/chat/completions", {}, json.dumps(ASKED).encode())
    assert answer.judge_request(exchange, Passage((sent,), _got(b"{}"))) == ""
    less = replace(sent, body=json.dumps({k: v for k, v in ASKED.items() if k != "user"}).encode())
    assert "user" in answer.judge_request(exchange, Passage((less,), _got(b"{}")))
    assert answer.judge_request(exchange, Passage((), _got(b"{}"))) != ""


def test_a_stream_that_only_looks_finished_is_noticed() -> None:
    chunk = {"choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
    body = b"data: " + json.dumps(chunk).encode() + b"\n\n"
    exchange = _exchange("openai_chat", {})
    exchange = replace(exchange, reply=replace(exchange.reply, body=body))
    end = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    error = b'data: {"error": {"message": "broke off"}}\n\n'
    assert cut.judge(exchange, body, _got(body + error), "openai_chat") == ""
    assert cut.judge(exchange, body, _got(body + end), "openai_chat") == "it looks finished"
    assert cut.judge(exchange, body, _got(body), "openai_chat") == "no error reached the client"
    assert "the text is" in cut.judge(exchange, body, _got(error), "openai_chat")


def _translated(written: Json, dropped: str = "user") -> tuple[str, str]:
    exchange = _exchange("openai_chat", {}, request=ASKED)
    sent = Sent("/v1/messages", {}, json.dumps(written).encode())
    return translation.judge(
        exchange, "anthropic", Passage((sent,), _got(b"{}", **{"x-podium-dropped": dropped}))
    )


def test_a_translation_that_says_the_same_is_taken() -> None:
    assert _translated(WRITTEN) == ("hinted", "")


@pytest.mark.parametrize("name", ["system", "temperature", "stop_sequences", "tools"])
def test_a_member_lost_in_translation_is_noticed(name: str) -> None:
    kind, how = _translated({key: value for key, value in WRITTEN.items() if key != name})
    assert (kind, name.partition("_")[0] in how) == ("silent", True)


def test_a_hint_lost_without_a_word_is_noticed() -> None:
    assert _translated(WRITTEN, dropped="")[0] == "silent"


def test_a_refusal_counts_only_if_it_names_the_member() -> None:
    exchange = _exchange("openai_chat", {}, request=ASKED)

    def refused(**error: object) -> str:
        got = Got(400, {}, json.dumps({"error": {"message": "no", **error}}).encode())
        return translation.judge(exchange, "anthropic", Passage((), got))[0]

    assert (refused(param="tools[0]"), refused()) == ("refused", "fault")
