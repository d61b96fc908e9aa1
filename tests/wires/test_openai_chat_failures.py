"""Answers that fail: errors among them, ends before their time, bytes that are none."""

import json

import pytest

from podium.errors import Garbled, Overloaded, Rejected, Truncated
from podium.vocabulary.event import (
    AnswerStarted,
    PartDone,
    TextDelta,
    ToolCallCompleted,
)
from podium.vocabulary.usage import Usage
from podium.wires.openai_chat import OpenAIChat
from tests.wires.streams import DONE, answer, chunk, document, event, finishes, read, read_until_error


def test_an_error_in_mid_stream_comes_after_what_was_said() -> None:
    error = {
        "message": "Tool choice is required",
        "type": "invalid_request_error",
        "code": "tool_use_failed",
        "failed_generation": "",
    }
    body = chunk({"content": "Hi"}) + b"event: error\n" + event({"error": error})
    deltas, raised = read_until_error(body)
    assert [type(delta) for delta in deltas] == [AnswerStarted, TextDelta]
    assert isinstance(raised, Rejected)
    assert (raised.message, raised.status) == ("Tool choice is required", 400)
    assert json.loads(raised.body)["error"] == error


def test_an_error_behind_a_finish_reason_is_still_an_error() -> None:
    body = (
        chunk({"content": "Hi"})
        + chunk({}, "length")
        + chunk({}, "length")
        + chunk({}, error={"message": "no", "code": 502})
        + DONE
    )
    deltas, raised = read_until_error(body)
    assert isinstance(raised, Overloaded)
    assert finishes(deltas) == []


def test_an_error_in_the_first_event_a_document_or_a_line_of_its_own_is_the_hosts() -> None:
    error = {"error": {"message": "busy", "type": "server_error"}}
    for body in (
        event(error),
        json.dumps(error).encode(),
        json.dumps([error]).encode(),
        b'error: {"error":{"message":"busy"}}\n\n',
    ):
        deltas, raised = read_until_error(body)
        assert deltas == []
        assert isinstance(raised, Overloaded)
        assert raised.message == "busy"


def test_a_stream_without_finish_reason_is_truncated_whatever_its_end() -> None:
    for body in (
        b"",
        DONE,
        chunk({"content": "Hi"}),
        chunk({"content": "Hi"}) + DONE,
        document({"content": "Hi"}, None),
        b": ping\n\n" + DONE,
    ):
        deltas, raised = read_until_error(body)
        assert isinstance(raised, Truncated)
        assert finishes(deltas) == []


def test_a_cut_call_is_never_completed() -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}
    deltas, raised = read_until_error(chunk({"tool_calls": [call]}))
    assert isinstance(raised, Truncated)
    assert not any(isinstance(delta, ToolCallCompleted) for delta in deltas)


def fragment(index: int, arguments: str, kind: str = "function") -> bytes:
    """A chunk with a piece of a call, its id and its name."""
    inner = {"name": "f", "input" if kind == "custom" else "arguments": arguments}
    return chunk({"tool_calls": [{"index": index, "id": f"call_{index}", "type": kind, kind: inner}]})


def completed(body: bytes) -> list[int]:
    return [delta.index for delta in read_until_error(body)[0] if isinstance(delta, ToolCallCompleted)]


def test_a_call_that_another_follows_is_whole_if_its_arguments_are_though_the_stream_breaks() -> None:
    begun = fragment(1, '{"y')
    assert completed(fragment(0, '{"x":') + fragment(0, "1}")) == []
    assert completed(fragment(0, '{"x":') + fragment(0, "1}") + begun) == [0]
    assert completed(fragment(0, " {} ") + begun + fragment(0, " ") + begun) == [0]
    for cut in ("", '{"x"', '"x"', "1", "[]", "{}{"):
        assert completed(fragment(0, cut) + begun) == []
    assert completed(fragment(0, "{}", "custom") + begun) == []
    ended = fragment(0, "{}") + fragment(1, "{}") + fragment(2, "{") + chunk({}, "length") + DONE
    assert completed(ended) == [0, 1, 2]


def test_more_arguments_of_a_call_that_had_all_of_them_are_no_answer() -> None:
    raised = read_until_error(fragment(0, "{}") + fragment(1, "{}") + fragment(0, '{"x":1}'))[1]
    assert isinstance(raised, Garbled)
    assert "more arguments of a call" in raised.message


@pytest.mark.parametrize(
    "body",
    [
        b"<html>no</html>",
        b"Bad gateway",
        b'"text"',
        b"data: <html>\n\n",
        b"data: 1\n\n",
        b'{"choices":7}',
        b'{"a":' + b"[" * 99_999,
    ],
)
def test_what_is_no_answer_is_told_so(body: bytes) -> None:
    assert isinstance(read_until_error(body)[1], Garbled | Truncated)


def test_sizes_have_a_limit() -> None:
    small = OpenAIChat(event_bytes=100, body_bytes=100)
    for body in (b'{"a":"' + b"x" * 200, b"data: " + b"x" * 200):
        with pytest.raises(Garbled, match="more than 100 bytes"):
            small.reader("").feed(body)


@pytest.mark.parametrize(
    "count",
    [
        {"prompt_tokens": -5, "completion_tokens": 1e99},
        {"prompt_tokens": "9"},
        {"prompt_tokens": True},
        {"prompt_tokens_details": 3},
        [],
    ],
)
def test_absurd_counts_never_become_negative_or_endless(count: object) -> None:
    found = answer(document({"content": "Hi"}, usage=count)).usage
    if found is not None:
        assert all(
            0 <= value <= 1_000_000_000
            for value in (found.input, found.output, found.reasoning, found.cached_input)
        )


def test_cached_and_spoken_tokens_are_counted_once() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {"cached_tokens": 60, "audio_tokens": 10, "cache_write_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 5},
    }
    found = answer(document({"content": "Hi"}, usage=usage)).usage
    assert found == Usage(
        input=25, cached_input=60, cache_write=5, audio_input=10, output=15, reasoning=30, audio_output=5
    )


def test_a_part_that_came_whole_is_told_whole() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://u/x.png"}}
    deltas = read(document({"content": [{"type": "text", "text": "See"}, image]}))
    assert [type(delta) for delta in deltas[1:3]] == [TextDelta, PartDone]
