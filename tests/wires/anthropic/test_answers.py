"""Answers of other wires, written in this dialect and read by the official SDK."""

import json
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from podium.errors import Busy, InvalidRequest, Overloaded, PodiumError, Rejected, Untold
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import (
    Annotation,
    Audio,
    Image,
    Json,
    Media,
    Opaque,
    Part,
    Reasoning,
    Signature,
    Text,
    ToolCall,
)
from podium.vocabulary.usage import Usage
from podium.wires.anthropic import HEARTBEAT
from podium.wires.member import raw
from podium.wires.seal import wrap
from tests.wires.anthropic.sdk import sdk, sdk_message, sdk_stream
from tests.wires.anthropic.streams import WIRE, collected

REQUEST = WIRE.read_request(
    {}, b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
)


def frames(*deltas: Delta) -> list[bytes]:
    writer = WIRE.writer(REQUEST, answer_id="msg_1", created=7, model="podium/m")
    return [*(writer.frame(delta) for delta in deltas), writer.end()]


def streamed(*deltas: Delta) -> dict[str, Any]:
    """What the SDK's `stream` helper makes of an answer, and of its document the same."""
    message = sdk_stream(b"".join(frames(*deltas)))
    writer = WIRE.writer(REQUEST, answer_id="msg_1", created=7, model="podium/m")
    whole = sdk_message(writer.whole(collected(list(deltas))))
    assert whole["stop_reason"] == message["stop_reason"]
    assert whole["usage"]["output_tokens"] == message["usage"]["output_tokens"]
    return message


def test_text_is_read_by_the_sdk_as_it_was_said() -> None:
    message = streamed(AnswerStarted("x"), TextDelta(0, "Hi "), TextDelta(0, "there"), Finished("stop"))
    assert (message["id"], message["model"]) == ("msg_1", "podium/m")
    assert [block["text"] for block in message["content"]] == ["Hi there"]
    assert message["stop_reason"] == "end_turn"


def test_usage_that_comes_last_stands_whole_in_the_message_delta() -> None:
    usage = Usage(input=10, cached_input=5, cache_write=2, output=4, reasoning=3)
    message = streamed(TextDelta(0, "Hi"), UsageSeen(usage), Finished("stop"))
    found = message["usage"]
    assert (found["input_tokens"], found["cache_read_input_tokens"]) == (10, 5)
    assert (found["cache_creation_input_tokens"], found["output_tokens"]) == (2, 7)
    assert found["output_tokens_details"]["thinking_tokens"] == 3


def test_thinking_and_calls_come_in_blocks_of_their_own() -> None:
    message = streamed(
        ReasoningDelta(0, "Let me "),
        ReasoningDelta(0, "think"),
        TextDelta(1, "I look"),
        ToolCallStarted(2, "call_a", "f"),
        ToolCallDelta(2, '{"x"'),
        ToolCallDelta(2, ":1}"),
        ToolCallStarted(3, "call_b", "g"),
        ToolCallDelta(3, "{}"),
        ToolCallCompleted(2),
        ToolCallCompleted(3),
        Finished("tool_calls"),
    )
    assert [block["type"] for block in message["content"]] == ["thinking", "text", "tool_use", "tool_use"]
    assert message["content"][0]["thinking"] == "Let me think"
    assert [block["input"] for block in message["content"][2:]] == [{"x": 1}, {}]
    assert message["stop_reason"] == "tool_use"


def test_fragments_of_calls_that_are_mixed_are_sorted_out() -> None:
    message = streamed(
        ToolCallStarted(0, "a", "f"),
        ToolCallStarted(1, "b", "g"),
        ToolCallDelta(1, '{"y":'),
        ToolCallDelta(0, '{"x":1}'),
        ToolCallDelta(1, "2}"),
        TextDelta(2, "so"),
        ToolCallCompleted(0),
        ToolCallCompleted(1),
        Finished("tool_calls"),
    )
    assert [(b.get("name"), b.get("input")) for b in message["content"]] == [
        ("f", {"x": 1}),
        ("g", {"y": 2}),
        (None, None),
    ]


def test_signatures_of_other_wires_leave_sealed() -> None:
    signature = Signature("gemini", "gemini-3", "AB")
    message = streamed(
        ReasoningDelta(0, "hm"),
        PartDone(0, Reasoning("hm", signature)),
        PartDone(1, ToolCall("a", "f", '{"x":1}', signature=signature)),
        Finished("tool_calls"),
    )
    thinking, call, behind = message["content"]
    assert thinking["signature"] == wrap(signature)
    assert call["input"] == {"x": 1}
    assert (behind["thinking"], behind["signature"]) == ("", wrap(signature))


def test_what_is_sent_back_by_the_sdk_is_what_went_out() -> None:
    signature = Signature("gemini", "gemini-3", "AB")
    parts: tuple[Part, ...] = (
        Reasoning("hm", signature),
        Text("I look"),
        ToolCall("a", "f", '{"x":1}', signature=signature),
    )
    deltas: list[Delta] = [*(PartDone(at, part) for at, part in enumerate(parts)), Finished("tool_calls")]
    content = streamed(*deltas)["content"]
    sent = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": content}],
    }
    (line,) = WIRE.read_request({}, json.dumps(sent).encode()).lines[1:]
    assert [type(part) for part in line.parts] == [Reasoning, Text, ToolCall]
    assert line.parts[0] == parts[0]
    assert isinstance(line.parts[2], ToolCall)
    assert (line.parts[2].arguments.replace(" ", ""), line.parts[2].signature) == ('{"x":1}', signature)


def test_a_refusal_is_text_with_the_stop_reason_of_one() -> None:
    message = streamed(RefusalDelta(0, "I will not."), Finished("stop"))
    assert message["content"][0]["text"] == "I will not."
    assert message["stop_reason"] == "refusal"


def test_a_custom_tool_is_called_with_its_text_as_input() -> None:
    message = streamed(
        ToolCallStarted(0, "a", "f", kind="custom"),
        ToolCallDelta(0, "SELECT "),
        ToolCallDelta(0, "1"),
        ToolCallCompleted(0),
        Finished("tool_calls"),
    )
    assert message["content"][0]["input"] == {"input": "SELECT 1"}


def test_citations_with_an_address_are_told_whether_they_come_at_once_or_late() -> None:
    cited = Text("Rain.", (Annotation("url_citation", "https://a.example", "A", 0, 4),))
    at_once = streamed(TextDelta(0, "Rain."), PartDone(0, cited), Finished("stop"))
    (citation,) = at_once["content"][0]["citations"]
    assert (citation["url"], citation["title"], citation["cited_text"]) == ("https://a.example", "A", "Rain")
    late = streamed(TextDelta(0, "Rain."), ReasoningDelta(1, "hm"), PartDone(0, cited), Finished("stop"))
    assert late["content"][-1]["citations"] == [citation]


def test_what_this_dialect_has_no_block_for_is_left_out() -> None:
    message = streamed(
        PartDone(0, Image(Media("inline", "x"))),
        PartDone(1, Opaque("gemini", raw({}))),
        PartDone(2, Json(raw({"a": 1}))),
        TextDelta(0, "other choice", choice=1),
        Finished("stop"),
        Finished("stop", choice=1),
    )
    assert [block["text"] for block in message["content"]] == ['{"a":1}']


def test_sound_is_told_by_its_transcript() -> None:
    sound = Audio(Media("inline", "AAAA"), transcript="Good morning.")
    message = streamed(PartDone(0, sound), Finished("stop"))
    assert [block["text"] for block in message["content"]] == ["Good morning."]
    assert message["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "part",
    [Image(Media("inline", "x")), Audio(Media("inline", "x")), Opaque("gemini", raw({"executableCode": {}}))],
)
def test_an_answer_of_which_nothing_can_be_shown_is_an_error_and_no_empty_success(part: Part) -> None:
    deltas: list[Delta] = [ReasoningDelta(0, "Hm"), PartDone(1, part), Finished("stop")]
    with pytest.raises(anthropic.APIStatusError, match="nothing that this API can show"):
        sdk_stream(b"".join(frames(*deltas)))
    writer = WIRE.writer(REQUEST, answer_id="msg_1", created=7, model="podium/m")
    with pytest.raises(Untold) as told:
        writer.whole(collected(deltas))
    assert (told.value.code, told.value.retryable) == ("answer_inexpressible", False)


def test_an_answer_that_says_nothing_at_all_is_no_error() -> None:
    assert streamed(TextDelta(0, ""), Finished("stop"))["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("MALFORMED_FUNCTION_CALL", "malformed_function_call"),
        ("OTHER", "other"),
        ("error", "error"),
        ("Model failed!", "model_failed"),
        ("99", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_a_failed_end_of_another_host_keeps_its_word_and_the_sdk_takes_it(
    word: str | None, told: str
) -> None:
    class City(BaseModel):
        name: str

    deltas: list[Delta] = [TextDelta(0, '{"name":"Bonn"}'), Finished("other", raw=word)]
    assert streamed(*deltas)["stop_reason"] == told
    assert streamed(Finished("other", raw=word))["content"] == []
    whole = WIRE.writer(REQUEST, answer_id="a", created=7, model="m").whole(collected(deltas))
    with sdk(whole, stream=False) as client:
        message = client.messages.parse(model="m", max_tokens=9, messages=[], output_format=City)
    assert (message.stop_reason, message.parsed_output) == (told, City(name="Bonn"))


def test_a_heartbeat_is_passed_over_by_the_sdk() -> None:
    written = frames(TextDelta(0, "Hi"), Finished("stop"))
    assert sdk_stream(HEARTBEAT + HEARTBEAT.join(written))["content"][0]["text"] == "Hi"


def test_an_error_in_mid_stream_is_raised_by_the_sdk() -> None:
    writer = WIRE.writer(REQUEST, answer_id="a", created=0, model="m")
    body = writer.frame(TextDelta(0, "He")) + writer.error(529, Overloaded("busy now"))
    with pytest.raises(anthropic.APIStatusError, match="busy now"):
        sdk_stream(body)


def _raised(status: int, error: PodiumError) -> anthropic.APIStatusError:
    with sdk(WIRE.write_error(status, error), status=status, stream=False) as client:
        with pytest.raises(anthropic.APIStatusError) as raised:
            client.messages.create(model="m", max_tokens=9, messages=[])
        return raised.value


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (422, anthropic.UnprocessableEntityError, "invalid_request_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_an_error_has_this_dialects_shape(status: int, kind: type[Exception], word: str) -> None:
    raised = _raised(status, Busy("not now"))
    assert isinstance(raised, kind)
    assert raised.body == {"type": "error", "error": {"type": word, "message": "not now"}}


def test_a_hint_is_told_behind_the_message() -> None:
    assert "wrong. Do that." in str(_raised(400, InvalidRequest("wrong.", hint="Do that.")))
    assert "no quota. Do that." in str(_raised(503, Overloaded("no quota", hint="Do that.")))


def test_a_hosts_own_refusal_passes_but_not_that_of_our_key() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"own"},"request_id":"r"}'
    assert "own" in str(_raised(400, Rejected("x", status=400, body=body)))
    assert "own" not in str(_raised(502, Rejected("x", status=401, body=body)))


def test_structured_output_is_parsed_by_the_sdk() -> None:
    class City(BaseModel):
        name: str

    body = b"".join(frames(TextDelta(0, '{"name":'), TextDelta(0, '"Bonn"}'), Finished("stop")))
    with (
        sdk(body, stream=True) as client,
        client.messages.stream(model="m", max_tokens=9, messages=[], output_format=City) as stream,
    ):
        assert stream.get_final_message().parsed_output == City(name="Bonn")
