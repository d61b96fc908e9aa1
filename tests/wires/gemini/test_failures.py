"""Answers that fail or break off, and how errors are told."""

import json

import pytest
from google.genai import errors

from podium.errors import (
    Busy,
    Garbled,
    InvalidRequest,
    Overloaded,
    PodiumError,
    Rejected,
    Truncated,
    UnknownModel,
)
from podium.vocabulary.event import ToolCallCompleted, UsageSeen
from podium.vocabulary.part import plain_text
from podium.wires.gemini import Gemini
from tests.wires.gemini.sdk import sdk_chunks, sdk_error
from tests.wires.gemini.streams import (
    USAGE,
    WIRE,
    as_list,
    chunk,
    collected,
    event,
    finishes,
    read_until_error,
    stream,
    whole,
)

CALL = {"functionCall": {"name": "f", "args": {"x": 1}}}


@pytest.mark.parametrize("make", [lambda body: body, as_list])
def test_a_stream_without_a_finish_reason_is_broken_off_with_its_text_and_usage_kept(make: object) -> None:
    assert callable(make)
    body = make(
        chunk({"text": "He"}, usage=USAGE) + chunk({"text": "llo"}, usage={**USAGE, "totalTokenCount": 20})
    )
    deltas, error = read_until_error(body)
    assert isinstance(error, Truncated)
    assert finishes(deltas) == []
    found = collected(deltas)
    assert plain_text(found.choices[0].parts) == "Hello"
    assert found.usage is not None
    assert found.usage.reasoning == 7
    assert sum(isinstance(delta, UsageSeen) for delta in deltas) == 2


def test_a_document_without_a_finish_reason_is_broken_off() -> None:
    assert isinstance(read_until_error(whole({"text": "Hi"}, finish=None))[1], Truncated)


@pytest.mark.parametrize("body", [b"", b" \r\n", b"[]", b"{}", b'{"usageMetadata":{}}', b": hello\n\n"])
def test_an_answer_that_says_nothing_is_no_answer(body: bytes) -> None:
    assert read_until_error(body)[1] is not None


def test_a_document_that_is_cut_is_broken_off() -> None:
    body = whole({"text": "Hello"}, CALL)
    for cut in range(1, len(body)):
        deltas, error = read_until_error(body[:cut])
        assert isinstance(error, Truncated)
        assert deltas == []


def test_a_stream_that_is_cut_at_any_event_is_broken_off_and_its_whole_calls_are_whole() -> None:
    events = [
        chunk({"text": "Let me see."}),
        chunk(CALL),
        chunk({"text": "x"}),
        chunk({"text": ""}, finish="STOP"),
    ]
    for count in range(len(events)):
        deltas, error = read_until_error(b"".join(events[:count]))
        assert isinstance(error, Truncated)
        assert finishes(deltas) == []
        assert sum(isinstance(delta, ToolCallCompleted) for delta in deltas) == (count >= 2)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert read_until_error(stream({"text": "Hi"}).removesuffix(b"\r\n\r\n"))[1] is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>no</html>",
        b"Bad gateway",
        b'"text"',
        b"data: <html>\n\n",
        b"data: 1\n\n",
        b'{"candidates":7}',
        b'{"candidates":[7]}',
        b'{"a":' + b"[" * 99_999,
    ],
)
def test_what_is_no_answer_is_told_so(body: bytes) -> None:
    assert isinstance(read_until_error(body)[1], Garbled | Truncated)


def test_sizes_have_a_limit() -> None:
    small = Gemini(event_bytes=100, body_bytes=100)
    for body in (b'{"a":"' + b"x" * 200, b"data: " + b"x" * 200):
        with pytest.raises(Garbled, match="more than 100 bytes"):
            small.reader("").feed(body)


@pytest.mark.parametrize("make", [lambda body: body, as_list])
@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        ({"code": 503, "message": "Busy", "status": "UNAVAILABLE"}, Overloaded, 503),
        ({"code": 400, "message": "Bad", "status": "INVALID_ARGUMENT"}, Rejected, 400),
        ({"message": "Slow", "status": "RESOURCE_EXHAUSTED"}, Overloaded, 429),
        ({"message": "?"}, Overloaded, None),
        ("no", Overloaded, None),
    ],
)
def test_an_error_in_mid_stream_comes_behind_what_was_said(
    make: object, error: object, kind: type, status: int | None
) -> None:
    assert callable(make)
    deltas, raised = read_until_error(make(chunk({"text": "Hi"}) + event({"error": error})))
    assert plain_text(collected(deltas).choices[0].parts) == "Hi"
    assert type(raised) is kind
    assert raised is not None
    assert raised.status == status


def test_an_error_in_place_of_a_document_is_an_error() -> None:
    body = json.dumps({"error": {"code": 429, "message": "Slow", "status": "RESOURCE_EXHAUSTED"}}).encode()
    assert isinstance(read_until_error(body)[1], Overloaded)


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [
        (400, InvalidRequest("No.", param="contents"), "INVALID_ARGUMENT"),
        (404, UnknownModel("No such model."), "NOT_FOUND"),
        (409, Busy("Busy.", after=3), "ABORTED"),
        (429, Overloaded("Slow.", status=429, after=1.5), "RESOURCE_EXHAUSTED"),
        (
            502,
            Rejected("Secret.", status=401, body=b'{"error":{"message":"Secret.","status":"X"}}'),
            "INTERNAL",
        ),
        (503, Overloaded("Down.", status=500), "UNAVAILABLE"),
    ],
)
def test_our_errors_have_googles_shape(status: int, error: PodiumError, word: str) -> None:
    body = WIRE.write_error(status, error)
    _, code, told, message = sdk_error(body, status)
    assert (code, told) == (status, word)
    assert message.startswith(error.message) or "did not accept the key" in message
    assert b"Secret" not in body
    details = {each["@type"].rpartition(".")[2]: each for each in json.loads(body)["error"]["details"]}
    assert ("BadRequest" in details) == (error.param is not None)
    assert ("RetryInfo" in details) == (getattr(error, "after", None) is not None)


def test_a_hosts_refusal_passes_as_it_came() -> None:
    told = {"code": 400, "message": "Bad.", "status": "INVALID_ARGUMENT", "details": [{"x": 1}]}
    error = WIRE.read_error(400, {}, json.dumps({"error": told}).encode())
    assert json.loads(WIRE.write_error(400, error)) == {"error": told}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"plain", b"[]", b"[1]", b"7", b'"text"', b'{"error":"no"}', b"{}"]
)
def test_any_error_body_has_a_message(body: bytes) -> None:
    assert WIRE.read_error(500, {}, body).message


def test_an_error_in_our_stream_is_raised_by_the_sdk() -> None:
    writer = WIRE.writer(
        WIRE.read_request({"model": "m"}, b'{"contents":{"parts":{"text":"hi"}}}'),
        answer_id="r",
        created=0,
        model="m",
    )
    deltas, _ = read_until_error(stream({"text": "Hi"}))
    body = b"".join(writer.frame(delta) for delta in deltas) + writer.error(503, Overloaded("Down."))
    assert b"finishReason" not in body
    with pytest.raises(errors.ServerError, match="Down"):
        sdk_chunks(body)
