"""What hosts of Anthropic's Messages really do, each with the least body that does it."""

import json
from typing import Any

import pytest

from podium.errors import Garbled, Overloaded, Rejected, Truncated
from podium.vocabulary.event import (
    AnswerStarted,
    Finished,
    PartDone,
    TextDelta,
    ToolCallCompleted,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Opaque, Reasoning, Signature, Text, ToolCall, plain_text
from podium.vocabulary.usage import Usage
from podium.wires.anthropic import Anthropic
from podium.wires.wire import AnswerReader
from tests.wires.anthropic.streams import (
    PING,
    STOP,
    USAGE,
    WIRE,
    answer,
    block,
    call,
    document,
    ending,
    event,
    read,
    read_until_error,
    start,
    stream,
    text,
)


def said(body: bytes) -> str:
    return plain_text(answer(body).choices[0].parts)


def calls(body: bytes) -> list[tuple[str, str, str]]:
    parts = answer(body).choices[0].parts
    return [(part.id, part.name, part.arguments) for part in parts if isinstance(part, ToolCall)]


def test_a_ping_may_stand_anywhere_and_several_times() -> None:
    whole = stream(text("He", "llo"))
    events = [piece + b"\n\n" for piece in whole.split(b"\n\n")[:-1]]
    for at in range(len(events)):
        pinged = b"".join(events[:at]) + PING + PING + b"".join(events[at:])
        assert read(pinged) == read(whole)


def test_spaces_at_the_end_of_the_json_mean_nothing() -> None:
    body = stream(text("Hi")).replace(b'"}}\n', b'"}           }    \n').replace(b"}\n\n", b"}   \n\n")
    assert said(body) == "Hi"


def test_usage_is_that_of_the_end_over_that_of_the_start_and_never_their_sum() -> None:
    first = {
        "input_tokens": 1055,
        "cache_read_input_tokens": 7,
        "output_tokens": 3,
        "service_tier": "standard",
    }
    last = {"input_tokens": 3727, "output_tokens": 20}
    got = answer(start(first) + text("Hi") + ending(usage=last))
    assert got.usage == Usage(input=3727, cached_input=7, output=20)
    assert got.host_usage is not None
    assert json.loads(bytes(got.host_usage.value)) == {**first, **last}


def test_an_older_end_without_input_leaves_that_of_the_start() -> None:
    assert answer(stream(text("Hi"), usage={"output_tokens": 4})).usage == Usage(input=9, output=4)
    null = {"input_tokens": None, "output_tokens": 4}
    assert answer(stream(text("Hi"), usage=null)).usage == Usage(input=9, output=4)


def test_cached_tokens_are_counted_beside_the_input() -> None:
    usage = {
        "input_tokens": 11,
        "cache_read_input_tokens": 2055,
        "cache_creation_input_tokens": 5,
        "output_tokens": 30,
        "output_tokens_details": {"thinking_tokens": 12},
    }
    expected = Usage(input=11, cached_input=2055, cache_write=5, output=18, reasoning=12)
    assert answer(document({"type": "text", "text": "Hi"}, usage=usage)).usage == expected


def test_what_compaction_used_is_added_to_what_the_top_says() -> None:
    usage = {
        "input_tokens": 181,
        "output_tokens": 8,
        "iterations": [
            {
                "type": "compaction",
                "input_tokens": 100,
                "output_tokens": 83,
                "cache_read_input_tokens": 55096,
            },
            {"type": "message", "input_tokens": 181, "output_tokens": 8},
        ],
    }
    assert answer(stream(text("Hi"), usage=usage)).usage == Usage(input=281, cached_input=55096, output=91)


@pytest.mark.parametrize("pieces", [[], [""], ["", "{}"]])
def test_a_call_without_arguments_is_given_an_empty_object(pieces: list[str]) -> None:
    body = stream(call(*pieces), reason="tool_use")
    assert calls(body) == [("toolu_0", "f", "{}")]
    assert any(isinstance(delta, ToolCallCompleted) for delta in read(body))


def test_an_input_that_stands_in_the_start_of_the_block_counts_if_no_other_comes() -> None:
    assert calls(stream(call(input={"x": 1}), reason="tool_use")) == [("toolu_0", "f", '{"x": 1}')]
    assert calls(stream(call('{"y":2}', input={"x": 1}), reason="tool_use")) == [("toolu_0", "f", '{"y":2}')]


def test_a_call_keeps_the_exact_characters_of_its_arguments() -> None:
    odd = '{ "x":1.50,  "é":"\\u00e9" }'
    assert calls(stream(call(odd[:7], odd[7:]), reason="tool_use"))[0][2] == odd
    body = document({"type": "tool_use", "id": "a", "name": "f", "input": {}}, reason="tool_use")
    assert calls(body.replace(b'"input": {}', b'"input": ' + odd.encode()))[0][2] == odd


def test_a_call_that_was_cut_off_at_the_cap_is_never_completed() -> None:
    deltas = read(stream(text("Hm"), call('{"x": "ab', index=1), reason="max_tokens"))
    assert any(isinstance(delta, ToolCallStarted) for delta in deltas)
    assert not any(isinstance(delta, ToolCallCompleted) for delta in deltas)
    assert deltas[-1] == Finished("length", raw="max_tokens")


@pytest.mark.parametrize("body", [stream(), document()])
def test_no_content_at_all_is_an_empty_answer(body: bytes) -> None:
    got = read(body)
    assert got[-1] == Finished("stop", raw="end_turn")
    assert not any(isinstance(delta, TextDelta | PartDone) for delta in got)


def test_a_pause_is_told_as_the_host_tells_it() -> None:
    last = read(stream(text("Hm"), reason="pause_turn"))[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.raw) == ("other", "pause_turn")


def test_text_and_calls_stand_beside_each_other() -> None:
    body = stream(text("Let me see."), call("{}", index=1), call("{}", index=2, name="g"), reason="tool_use")
    assert said(body) == "Let me see."
    assert [name for _, name, _ in calls(body)] == ["f", "g"]


@pytest.mark.parametrize(
    "opening",
    [
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "ask", "server_name": "wiki", "input": {}},
        {"type": "hologram", "id": "h", "input": {}},
    ],
)
def test_tools_that_the_host_runs_are_no_calls_of_the_client(opening: dict[str, object]) -> None:
    pieces = [{"type": "input_json_delta", "partial_json": each} for each in ("", '{"q":', ' "x"}')]
    got = answer(stream(block(0, opening, *pieces), text("Done", index=1)))
    opaque, told = got.choices[0].parts
    assert isinstance(opaque, Opaque)
    assert json.loads(bytes(opaque.value)) == {**opening, "input": {"q": "x"}}
    assert told == Text("Done")
    assert got.choices[0].finish == "stop"


def test_a_compaction_is_kept_whole() -> None:
    pieces = [{"type": "compaction_delta", "content": "All that was said"}]
    (part,) = answer(stream(block(0, {"type": "compaction", "content": None}, *pieces))).choices[0].parts
    assert isinstance(part, Opaque)
    assert json.loads(bytes(part.value)) == {"type": "compaction", "content": "All that was said"}


def test_retry_after_on_a_good_answer_is_no_failure_and_on_a_bad_one_is_the_wait() -> None:
    body = json.dumps(
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    ).encode()
    error = WIRE.read_error(529, {"retry-after": "24"}, body)
    assert isinstance(error, Overloaded)
    assert (error.message, error.after, error.status) == ("Overloaded", 24.0, 529)


def test_thinking_ends_with_its_signature() -> None:
    pieces = [
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "think"},
        {"type": "signature_delta", "signature": "c2ln"},
    ]
    body = stream(
        block(0, {"type": "thinking", "thinking": "", "signature": ""}, *pieces), text("Hi", index=1)
    )
    part = answer(body).choices[0].parts[0]
    assert part == Reasoning("Let me think", Signature("anthropic", "claude-1", "c2ln"))


def test_redacted_thinking_is_kept_for_its_host() -> None:
    (part,) = answer(document({"type": "redacted_thinking", "data": "xyz"})).choices[0].parts
    assert part == Reasoning("", Signature("anthropic", "claude-1", "xyz"), redacted=True)


def test_citations_that_come_before_the_text_belong_to_it() -> None:
    citation = {
        "type": "web_search_result_location",
        "cited_text": "zoom",
        "url": "https://a.example",
        "title": "A",
        "encrypted_index": "x",
    }
    pieces: list[dict[str, Any]] = [
        {"type": "citations_delta", "citation": citation},
        {"type": "text_delta", "text": "Rain"},
    ]
    (part,) = (
        answer(stream(block(0, {"type": "text", "text": "", "citations": []}, *pieces))).choices[0].parts
    )
    assert isinstance(part, Text)
    (found,) = part.annotations
    assert (found.kind, found.url, found.title, found.start, found.end) == (
        "url_citation",
        "https://a.example",
        "A",
        0,
        4,
    )


def test_the_stop_sequence_that_was_met_is_kept() -> None:
    body = start() + text("Hi") + ending("stop_sequence", delta={"stop_sequence": "END"})
    last = read(body)[-1]
    assert isinstance(last, Finished)
    assert (last.reason, last.raw) == ("stop", "stop_sequence")
    writer = WIRE.writer(WIRE_REQUEST, answer_id="a", created=0, model="m")
    written = json.loads(writer.whole(answer(body)))
    assert (written["stop_reason"], written["stop_sequence"]) == ("stop_sequence", "END")


def test_an_answer_that_ends_without_message_stop_is_truncated_and_keeps_its_text() -> None:
    body = (start() + text("He", "llo") + ending()).removesuffix(STOP)
    deltas, error = read_until_error(body)
    assert isinstance(error, Truncated)
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["He", "llo"]
    assert any(isinstance(delta, UsageSeen) for delta in deltas)
    assert not any(isinstance(delta, Finished) for delta in deltas)


def test_a_message_stop_that_lacks_its_blank_line_is_one() -> None:
    assert read(stream(text("Hi")).rstrip())[-1] == Finished("stop", raw="end_turn")


def test_an_end_without_a_reason_is_no_end() -> None:
    _, error = read_until_error(start() + text("Hi") + STOP)
    assert isinstance(error, Truncated)
    assert isinstance(read_until_error(document(reason=None))[1], Truncated)


def test_an_error_in_mid_stream_ends_it_with_what_was_said_kept() -> None:
    failure = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    deltas, error = read_until_error(start() + text("He") + failure)
    assert [delta.text for delta in deltas if isinstance(delta, TextDelta)] == ["He"]
    assert isinstance(error, Overloaded)
    assert (error.message, error.status) == ("Overloaded", 529)
    refused = event("error", error={"type": "invalid_request_error", "message": "no"})
    assert isinstance(read_until_error(start() + refused)[1], Rejected)


def test_a_document_where_a_stream_was_asked_for_is_understood_and_the_other_way_round() -> None:
    assert said(document({"type": "text", "text": "Hi"})) == said(stream(text("Hi"))) == "Hi"


def test_events_without_names_are_known_by_their_data() -> None:
    nameless = b"".join(
        line + b"\n" for line in stream(text("Hi")).split(b"\n") if not line.startswith(b"event:")
    )
    assert said(nameless) == "Hi"


def test_deltas_of_a_block_whose_start_did_not_come_are_kept() -> None:
    delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hi"})
    assert said(start() + delta + ending()) == "Hi"


def test_an_unknown_event_is_passed_over_and_written_again() -> None:
    body = start() + event("mood", tone="calm") + text("Hi") + ending()
    deltas = read(body)
    assert said(body) == "Hi"
    writer = WIRE.writer(WIRE_REQUEST, answer_id="a", created=0, model="m")
    stream_again = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
    assert (
        b'event: mood\ndata: {"type":"mood","tone": "calm"}' in stream_again or b"event: mood" in stream_again
    )


def test_unknown_members_at_every_depth_are_written_again() -> None:
    opening = {"type": "text", "text": "", "x_block": 1}
    delta = {"type": "text_delta", "text": "Hi", "x_delta": 2}
    body = start(x_message=3) + block(0, opening, delta) + ending(delta={"x_stop": 4}, x_event=5)
    writer = WIRE.writer(WIRE_REQUEST, answer_id="a", created=0, model="m")
    again = b"".join(writer.frame(each) for each in read(body)) + writer.end()
    for member in (b'"x_block":1', b'"x_delta":2', b'"x_message":3', b'"x_stop":4', b'"x_event":5'):
        assert again.count(member) == 1


def test_the_host_is_told_by_id_and_model() -> None:
    first = read(stream(text("Hi")))[0]
    assert first == AnswerStarted(id="msg_1", model="claude-1")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>no</html>", Garbled),
        (b"data: <html>\n\n", Garbled),
        (b"[]", Garbled),
        (b"{}", Garbled),
        (b'{"id": "x', Truncated),
        (b"", Truncated),
        (b'{"error": {"message": "no"}}', Overloaded),
        (b'{"type":"error","error":{"type":"not_found_error","message":"no"}}', Rejected),
    ],
)
def test_bytes_that_are_no_answer_are_told_by_what_they_are(body: bytes, kind: type[Exception]) -> None:
    assert isinstance(read_until_error(body)[1], kind)


def _feed_all(reader: AnswerReader, body: bytes) -> None:
    while reader.feed(body):
        body = b""


@pytest.mark.parametrize("body", [stream(text("a" * 300)), document({"type": "text", "text": "a" * 300})])
def test_an_event_or_a_document_beyond_its_size_is_refused(body: bytes) -> None:
    reader = Anthropic(event_bytes=290, body_bytes=290).reader("")
    with pytest.raises(Garbled):
        _feed_all(reader, body)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, Rejected), (401, Rejected), (403, Rejected), (404, Rejected), (413, Rejected)]
)
def test_a_refusal_is_not_tried_again(status: int, kind: type[Exception]) -> None:
    body = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "why"},
        "request_id": "req_1",
    }
    error = WIRE.read_error(status, {}, json.dumps(body).encode())
    assert isinstance(error, kind)
    assert error.message == "why"
    assert not error.retryable


def test_a_spent_budget_at_the_host_is_not_tried_again() -> None:
    details = {"error_code": "enforced_spend_limit_reached"}
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "m", "details": details}}
    error = WIRE.read_error(429, {}, json.dumps(body).encode())
    assert isinstance(error, Overloaded)
    assert not error.retryable


def test_the_usage_of_the_start_is_known_before_the_first_word() -> None:
    assert [type(delta) for delta in read(stream(text("Hi")))[:3]] == [AnswerStarted, UsageSeen, TextDelta]
    assert USAGE["input_tokens"] == 9


WIRE_REQUEST = WIRE.read_request(
    {}, b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}'
)
