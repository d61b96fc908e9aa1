"""Properties of the wire: what goes in comes out, whatever the chunking, and nothing but our own errors."""

import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError
from podium.vocabulary.event import Delta, Finished
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from tests.wires.recorded import folder, recordings
from tests.wires.spoken import answers, comparable
from tests.wires.streams import DONE, WIRE, chunk, collected, document, event, read, read_until_error, stream

REQUEST = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True, include_usage=True)
CALL = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":"ü😀"}'}}
STREAMS = [
    chunk({"role": "assistant", "content": ""})
    + chunk({"content": "Hü😀\r\n"})
    + chunk({"content": "!"}, "stop")
    + DONE,
    stream({"reasoning": "a\n\nb", "extra": [1]}, {"content": "x", "channel": "final"}).replace(
        b"\n", b"\r\n"
    ),
    b"\xef\xbb\xbf: hi\r\r" + stream({"tool_calls": [CALL]}, finish="tool_calls").replace(b"\n", b"\r"),
    chunk({"content": "Hi"}) + event({"error": {"message": "no", "code": 500}}),
    chunk({"content": "a"}) + chunk({"content": "b"}, index=1) + chunk({}, "stop"),
    document({"content": "Hello", "tool_calls": [CALL]}, usage={"prompt_tokens": 1}),
    b"  [" + document({"content": "Hello"}) + b"]",
    json.dumps({"error": {"message": "no"}}).encode(),
    b"data: <html>\n\n",
]


def write(deltas: list[Delta]) -> bytes:
    writer = WIRE.writer(REQUEST, answer_id="id", created=7, model="m")
    return b"".join(writer.frame(delta) for delta in deltas) + writer.end()


def seen(body: bytes, *cuts: int) -> tuple[list[object], type | None, str]:
    deltas, error = read_until_error(body, cuts=cuts)
    return comparable(deltas), type(error) if error else None, error.message if error else ""


@given(answers())
def test_what_is_written_as_a_stream_is_read_as_it_was(deltas: list[Delta]) -> None:
    assert comparable(read(write(deltas))) == comparable(deltas)


@given(answers())
def test_what_is_written_as_a_document_is_read_as_the_same_answer(deltas: list[Delta]) -> None:
    answer = collected(deltas)
    writer = WIRE.writer(REQUEST, answer_id="id", created=7, model="m")
    again = collected(read(writer.whole(answer)))
    assert again.usage == answer.usage
    twice = WIRE.writer(REQUEST, answer_id="id", created=7, model="m").whole(again)
    assert without_usage(twice) == without_usage(writer.whole(answer))


def without_usage(body: bytes) -> object:
    return {name: value for name, value in json.loads(body).items() if name != "usage"}


@pytest.mark.promise("chunking")
@pytest.mark.parametrize("body", STREAMS)
def test_a_cut_at_any_byte_changes_nothing(body: bytes) -> None:
    whole = seen(body)
    assert seen(body, *range(len(body))) == whole
    for cut in range(len(body)):
        assert seen(body, cut) == whole


@pytest.mark.promise("chunking")
@given(answers(), st.data())
def test_any_chunking_gives_the_same_deltas(deltas: list[Delta], data: st.DataObject) -> None:
    body = write(deltas)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=20))
    assert seen(body, *cuts) == seen(body)


@pytest.mark.parametrize("body", STREAMS)
def test_an_answer_that_is_cut_off_never_looks_finished(body: bytes) -> None:
    complete = read_until_error(body)[0]
    ends = [delta for delta in complete if isinstance(delta, Finished)]
    for cut in range(len(body)):
        deltas, error = read_until_error(body[:cut])
        found = [delta for delta in deltas if isinstance(delta, Finished)]
        assert (error is None) == bool(found)
        if found:  # the finish reason itself was there: only what may be missing is
            assert [(end.reason, end.choice) for end in found] == [(end.reason, end.choice) for end in ends]


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from([b"data: ", b"{", b"}", b"\n\n", b'"choices"', b":", b"[", b"]", b'"delta"', b"null"])
    ).map(b"".join)
)
def test_any_bytes_raise_nothing_but_our_errors(body: bytes) -> None:
    _, error = read_until_error(body)
    assert isinstance(error, ProviderError)
    assert isinstance(WIRE.read_error(500, {}, body), ProviderError)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "index", "type", "text", "content", "function", "name", "arguments", "url"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "role",
                "content",
                "reasoning",
                "reasoning_content",
                "reasoning_details",
                "tool_calls",
                "function_call",
                "refusal",
                "annotations",
                "audio",
                "images",
                "x",
            ]
        ),
        JSON,
    ),
    st.booleans(),
)
def test_any_json_in_a_message_raises_nothing_but_our_errors(message: dict[str, object], whole: bool) -> None:
    body = document(message) if whole else chunk(message) + chunk(message) + chunk({}, "stop")
    deltas, _ = read_until_error(body)
    write(deltas)
    WIRE.writer(REQUEST, answer_id="id", created=7, model="m").whole(collected(deltas))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messages",
                "tools",
                "functions",
                "tool_choice",
                "function_call",
                "response_format",
                "stop",
                "n",
                "max_tokens",
                "stream",
                "stream_options",
                "temperature",
                "logit_bias",
                "reasoning_effort",
            ]
        ),
        JSON
        | st.lists(
            st.dictionaries(
                st.sampled_from(
                    ["role", "content", "tool_calls", "type", "function", "name", "tool_call_id"]
                ),
                JSON | st.sampled_from(["user", "assistant", "tool", "function", "text"]),
                max_size=4,
            ),
            max_size=3,
        ),
    )
)
@example({"messages": [{"role": "user", "content": "hi"}], "n": 1e308})
def test_any_json_for_a_request_is_read_or_refused_by_name(members: dict[str, object]) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], **members}).encode()
    refused = ""
    try:
        request = WIRE.read_request({}, body)
        WIRE.write_request(request, Profile("e", "m"), Endpoint("e", "openai_chat", "http://e"))
    except InvalidRequest as error:
        refused = error.param or "nothing"
    assert refused.partition("[")[0].partition(".")[0] in ("", *members)


@given(st.binary(max_size=200))
def test_any_bytes_for_a_request_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        WIRE.read_request({}, body)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_spoilt_recording_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(STREAMS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    deltas, _ = read_until_error(bytes(body))
    write(deltas)


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_streams_give_the_same_deltas_byte_by_byte_and_never_end_early() -> None:
    root = folder()
    assert root is not None
    streams = [each for each in recordings(root) if each.streamed and each.status == 200]
    assert len(streams) > 250
    for recording in streams:
        body = recording.body
        whole = seen(body)
        assert seen(body, *range(0, len(body), 7)) == whole, recording.name
        if len(body) < 20_000:
            assert seen(body, *range(len(body))) == whole, recording.name


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_streams_that_are_cut_before_their_finish_reason_are_truncated() -> None:
    root = folder()
    assert root is not None
    count = 0
    for recording in recordings(root):
        if (
            not recording.streamed
            or recording.status != 200
            or read_until_error(recording.body)[1] is not None
        ):
            continue
        events = recording.body.replace(b"\r\n", b"\n").split(b"\n\n")
        told = next(
            at
            for at, each in enumerate(events)
            if b'"finish_reason":' in each and (b'"finish_reason":"' in each or b'"finish_reason": "' in each)
        )
        for cut in {0, told // 3, told // 2, told - 1, told}:
            _, error = read_until_error(b"\n\n".join(events[:cut]) + b"\n\n")
            assert error is not None, (recording.name, cut)
            count += 1
    assert count > 1000
