"""Properties of the wire: what goes in comes out, whatever the chunking, and nothing but our own errors."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError, Truncated
from podium.vocabulary.event import Delta, Finished, ToolCallDelta
from podium.vocabulary.part import Text
from podium.vocabulary.request import Line, Request
from tests.wires.anthropic.sdk import facts_of, facts_of_answer, sdk_message, sdk_stream
from tests.wires.anthropic.spoken import answers, comparable
from tests.wires.anthropic.streams import (
    PING,
    WIRE,
    block,
    call,
    collected,
    document,
    ending,
    event,
    read,
    read_until_error,
    start,
    stream,
    text,
)
from tests.wires.recorded import folder, recordings
from tests.wires.sdk import difference
from tests.wires.spoken import answers as openai_answers

REQUEST = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True)
THINKING: list[dict[str, Any]] = [
    {"type": "thinking_delta", "thinking": "hm ü"},
    {"type": "signature_delta", "signature": "s"},
]
CITED: list[dict[str, Any]] = [
    {"type": "text_delta", "text": "Hü😀\r\n"},
    {"type": "citations_delta", "citation": {"type": "char_location"}},
]
STREAMS = [
    stream(block(0, {"type": "thinking", "thinking": ""}, *THINKING), text("Hü😀\r\n", "!", index=1)),
    (start() + PING + text("a\n\nb") + PING + ending("stop_sequence", delta={"stop_sequence": "x"})).replace(
        b"\n", b"\r\n"
    ),
    b"\xef\xbb\xbf: hi\r\r" + stream(call('{"x":', '"ü😀"}'), reason="tool_use").replace(b"\n", b"\r"),
    start() + text("Hi") + event("error", error={"type": "overloaded_error", "message": "no"}),
    start() + block(0, {"type": "text", "text": "", "citations": []}, *CITED) + ending(),
    start() + call("", name="podium_answer") + ending("tool_use"),
    document(
        {"type": "text", "text": "Hello"}, {"type": "tool_use", "id": "a", "name": "f", "input": {"x": [1]}}
    ),
    b"  " + document({"type": "text", "text": "Hello"}),
    json.dumps({"type": "error", "error": {"message": "no"}}).encode(),
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


@settings(deadline=None)
@given(answers())
def test_the_official_sdk_reads_a_written_stream_as_the_answer_that_it_spells(deltas: list[Delta]) -> None:
    answer = collected(deltas)
    body = write(deltas)
    read_again = collected(read(body))
    assert difference(facts_of(sdk_stream(body)), facts_of_answer(read_again)) == "" or _sealed(deltas)
    document = WIRE.writer(REQUEST, answer_id="id", created=7, model="m").whole(answer)
    assert difference(facts_of(sdk_stream(body)), facts_of(sdk_message(document))) == ""


def _sealed(deltas: list[Delta]) -> bool:
    return "gemini-x" in str(deltas)


@given(answers())
def test_what_is_written_as_a_document_is_read_as_the_same_answer(deltas: list[Delta]) -> None:
    writer = WIRE.writer(REQUEST, answer_id="id", created=7, model="m")
    written = writer.whole(collected(deltas))
    again = collected(read(written))
    assert again.usage == collected(deltas).usage
    twice = WIRE.writer(REQUEST, answer_id="id", created=7, model="m").whole(again)
    assert json.loads(twice) == json.loads(written)


@settings(deadline=None)
@given(openai_answers())
def test_the_answer_of_another_wire_is_a_good_stream_however_its_parts_are_interleaved(
    deltas: list[Delta],
) -> None:
    body = write(deltas)
    events = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: ")]
    opened = [each["index"] for each in events if each["type"] == "content_block_start"]
    closed = [each["index"] for each in events if each["type"] == "content_block_stop"]
    assert opened == closed == list(range(len(opened)))
    open_now: set[int] = set()
    for each in events:
        match each["type"]:
            case "content_block_start":
                assert not open_now
                open_now = {each["index"]}
            case "content_block_delta":
                assert each["index"] in open_now
            case "content_block_stop":
                open_now.remove(each["index"])
            case _:
                pass
    assert [each["type"] for each in events][:1] == ["message_start"]
    assert [each["type"] for each in events][-2:] == ["message_delta", "message_stop"]
    if not any(
        isinstance(delta, ToolCallDelta) for delta in deltas
    ):  # these are no JSON, at which the SDK fails
        assert len(sdk_stream(body)["content"]) == len(opened)


@pytest.mark.parametrize("body", STREAMS)
def test_a_cut_at_any_byte_changes_nothing(body: bytes) -> None:
    whole = seen(body)
    assert seen(body, *range(len(body))) == whole
    for cut in range(len(body)):
        assert seen(body, cut) == whole


@given(answers(), st.data())
def test_any_chunking_gives_the_same_deltas(deltas: list[Delta], data: st.DataObject) -> None:
    body = write(deltas)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=20))
    assert seen(body, *cuts) == seen(body)


@pytest.mark.parametrize("body", STREAMS)
def test_an_answer_that_is_cut_off_never_looks_finished(body: bytes) -> None:
    complete = [delta for delta in read_until_error(body)[0] if isinstance(delta, Finished)]
    for cut in range(len(body)):
        deltas, error = read_until_error(body[:cut])
        found = [delta for delta in deltas if isinstance(delta, Finished)]
        assert (error is None) == bool(found)
        assert not found or found == complete


@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from(
            [
                b"data: ",
                b"{",
                b"}",
                b"\n\n",
                b'"type"',
                b":",
                b"[",
                b"]",
                b'"message_stop"',
                b"null",
                b"event: error",
            ]
        )
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
    | st.text(max_size=5)
    | st.sampled_from(
        ["text", "tool_use", "tool_result", "thinking", "image", "document", "user", "enabled"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "index",
                    "type",
                    "text",
                    "content",
                    "input",
                    "name",
                    "source",
                    "tool_use_id",
                    "thinking",
                    "role",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
KINDS = st.sampled_from(
    [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "x",
    ]
)
NAMES = st.sampled_from(["message", "index", "content_block", "delta", "usage", "x"])


@given(st.lists(st.tuples(KINDS, st.dictionaries(NAMES, JSON)), max_size=4))
def test_any_json_in_events_raises_nothing_but_our_errors(
    events: list[tuple[str, dict[str, object]]],
) -> None:
    body = start() + b"".join(event(kind, **members) for kind, members in events) + ending()
    deltas, _ = read_until_error(body)
    write(deltas)
    WIRE.writer(REQUEST, answer_id="id", created=7, model="m").whole(collected(deltas))


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "messages",
                "system",
                "tools",
                "tool_choice",
                "thinking",
                "output_config",
                "stop_sequences",
                "max_tokens",
                "stream",
                "temperature",
                "top_k",
            ]
        ),
        JSON
        | st.lists(
            st.dictionaries(
                st.sampled_from(["role", "content", "type", "name", "input_schema", "text"]),
                JSON | st.lists(JSON, max_size=2) | st.sampled_from(["user", "assistant"]),
                max_size=4,
            ),
            max_size=3,
        ),
    )
)
def test_any_json_for_a_request_is_read_or_refused_by_name(members: dict[str, object]) -> None:
    good = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    try:
        request = WIRE.read_request({}, json.dumps({**good, **members}).encode())
        WIRE.write_request(request, Profile("e", "m"), Endpoint("e", "anthropic", "http://e"))
    except InvalidRequest as error:
        refused = error
    else:
        return
    assert refused.param


@given(st.binary(max_size=200))
def test_any_bytes_for_a_request_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        WIRE.read_request({}, body)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_a_spoilt_answer_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(STREAMS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    deltas, _ = read_until_error(bytes(body))
    write(deltas)


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_streams_give_the_same_deltas_byte_by_byte() -> None:
    root = folder()
    assert root is not None
    streams = [
        each for each in recordings(root, "anthropic.messages") if each.streamed and each.status == 200
    ]
    assert len(streams) > 150
    for recording in streams:
        body = recording.body
        whole = seen(body)
        assert seen(body, *range(0, len(body), 7)) == whole, recording.name
        if len(body) < 12_000:
            assert seen(body, *range(len(body))) == whole, recording.name


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_streams_that_are_cut_at_any_event_are_truncated() -> None:
    root = folder()
    assert root is not None
    count = 0
    for recording in recordings(root, "anthropic.messages"):
        if not recording.streamed or recording.status != 200:
            continue
        events = recording.body.replace(b"\r\n", b"\n").rstrip().split(b"\n\n")
        reader = WIRE.reader("")
        for each in events[:-1]:
            reader.feed(each + b"\n\n")
            assert not reader.done, recording.name
            count += 1
        with pytest.raises(Truncated):
            reader.close()
        for cut in {0, len(events) // 3, len(events) // 2}:
            assert isinstance(read_until_error(b"\n\n".join(events[:cut]) + b"\n\n")[1], Truncated)
    assert count > 5000
