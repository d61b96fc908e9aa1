"""Properties of the wire: what goes in comes out, whatever the chunking, and nothing but our own errors."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from podium.catalogue.endpoint import Endpoint
from podium.catalogue.profile import Profile
from podium.errors import InvalidRequest, ProviderError
from podium.vocabulary.answer import Answer
from podium.vocabulary.event import Delta, Finished
from podium.vocabulary.part import Extra, Part, Reasoning, Text
from podium.vocabulary.request import Line, Request
from podium.wires.gemini import Gemini
from podium.wires.gemini.document import merged
from podium.wires.gemini.member import NAME
from tests.wires.gemini.recorded import recordings
from tests.wires.gemini.spoken import MODEL, answers, comparable
from tests.wires.gemini.streams import (
    USAGE,
    WIRE,
    as_list,
    candidate,
    chunk,
    collected,
    document,
    event,
    read,
    read_until_error,
    stream,
    whole,
)
from tests.wires.recorded import folder

REQUEST = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True, include_usage=True)
CALL = {"functionCall": {"name": "f", "args": {"x": 'ü😀}\\"'}}, "thoughtSignature": "AAAA"}
TALK = stream({"text": "Hü😀\r\n"}, {"text": "Hm", "thought": True}, CALL, {"text": "!"})
STREAMS = [
    TALK,
    TALK.replace(b"\r\n", b"\r"),
    b"\xef\xbb\xbf" + TALK.replace(b"\r\n", b"\n"),
    as_list(TALK),
    whole({"text": "Hello \\"}, CALL),
    chunk({"text": "Hi"}, usage=USAGE) + event({"error": {"message": "no", "code": 500}}),
    event(document(candidate({"text": "a"}), candidate({"text": "b"}, index=1)))
    + event(document(candidate({"text": "c"}, finish="STOP"))),
    as_list(chunk({"text": "Hi"}) + chunk({"text": "Hi"})),
    json.dumps({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": USAGE}).encode(),
    json.dumps({"error": {"message": "no"}}).encode(),
    b"data: <html>\n\n",
]


def write(deltas: list[Delta], wire: Gemini = WIRE) -> bytes:
    writer = wire.writer(REQUEST, answer_id="id", created=7, model=MODEL)
    return b"".join(writer.frame(delta) for delta in deltas) + writer.end()


def told(answer: Answer) -> list[Any]:
    """What each candidate says; what travelled beside it counts for itself, whichever part it came with."""
    return [
        (
            choice.index,
            [_alone(part) for part in choice.parts],
            choice.finish,
            choice.raw_finish,
            {name: bytes(value) for name, value in merged(choice.extra, "candidate").items()},
        )
        for choice in answer.choices
    ]


def _alone(part: Part) -> Part:
    if not isinstance(part, Reasoning) or part.extra is None:
        return part
    marks = {k: v for k, v in part.extra.members.items() if k not in ("candidate", "answer")}
    return structs.replace(part, extra=Extra(NAME, marks))


def seen(body: bytes, *cuts: int) -> tuple[list[object], type | None, str]:
    deltas, error = read_until_error(body, cuts=cuts)
    return comparable(deltas), type(error) if error else None, error.message if error else ""


@given(answers(), st.booleans())
def test_what_is_written_as_a_stream_or_a_list_is_read_as_it_was(deltas: list[Delta], as_list: bool) -> None:
    said, spoken = collected(read(write(deltas, Gemini(as_list=as_list)))), collected(deltas)
    assert told(said) == told(spoken)
    assert (said.usage, said.id, said.model) == (spoken.usage, spoken.id, spoken.model)


@given(answers())
def test_what_is_written_as_a_document_is_read_as_the_same_answer(deltas: list[Delta]) -> None:
    answer = collected(deltas)
    writer = WIRE.writer(REQUEST, answer_id="id", created=7, model=MODEL)
    again = collected(read(writer.whole(answer)))
    assert told(again) == told(answer)
    assert again.usage == answer.usage


@given(answers())
def test_a_stream_of_ours_is_only_data_and_every_line_is_json(deltas: list[Delta]) -> None:
    body = write(deltas)
    assert body.endswith(b"\n\n")
    for frame in body.removesuffix(b"\n\n").split(b"\n\n"):
        assert frame.startswith(b"data: {")
        assert b"\n" not in frame
        json.loads(frame[6:])
    entries: list[Any] = json.loads(write(deltas, Gemini(as_list=True)))
    assert entries == [json.loads(frame[6:]) for frame in body.removesuffix(b"\n\n").split(b"\n\n")]


@pytest.mark.parametrize("body", STREAMS)
def test_a_cut_at_any_byte_changes_nothing(body: bytes) -> None:
    expected = seen(body)
    assert seen(body, *range(len(body))) == expected
    for cut in range(len(body)):
        assert seen(body, cut) == expected


@given(answers(), st.booleans(), st.data())
def test_any_chunking_gives_the_same_deltas(deltas: list[Delta], as_list: bool, data: st.DataObject) -> None:
    body = write(deltas, Gemini(as_list=as_list))
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
        st.sampled_from(
            [
                b"data: ",
                b"{",
                b"}",
                b"\r\n\r\n",
                b'"candidates"',
                b":",
                b"[",
                b"]",
                b'"parts"',
                b"null",
                b"\\",
            ]
        )
    ).map(b"".join)
)
def test_any_bytes_raise_nothing_but_our_errors(body: bytes) -> None:
    _, error = read_until_error(body)
    assert isinstance(error, ProviderError)
    assert isinstance(WIRE.read_error(500, {}, body), ProviderError)


NAMES = [
    "text",
    "thought",
    "thoughtSignature",
    "functionCall",
    "name",
    "args",
    "id",
    "inlineData",
    "mimeType",
    "data",
]
TOKENS = st.sampled_from(["token", "logProbability", "candidates"])
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.lists(st.dictionaries(st.sampled_from([*NAMES, "fileData", "executableCode", "x"]), JSON, max_size=3)),
    st.dictionaries(
        st.sampled_from(
            [
                "content",
                "finishReason",
                "groundingMetadata",
                "citationMetadata",
                "logprobsResult",
                "index",
                "x",
            ]
        ),
        JSON
        | st.fixed_dictionaries({"groundingChunks": JSON, "groundingSupports": st.lists(JSON, max_size=2)})
        | st.fixed_dictionaries({"chosenCandidates": st.lists(st.dictionaries(TOKENS, JSON, max_size=2))}),
        max_size=3,
    ),
)
def test_any_json_in_an_answer_raises_nothing_but_our_errors(
    parts: list[Any], beside: dict[str, Any]
) -> None:
    made = document({**candidate({"text": "x"}, *parts), **beside})
    body = event(made) + event(made) + chunk({"text": ""}, finish="STOP")
    deltas, _ = read_until_error(body)
    write(deltas)
    WIRE.writer(REQUEST, answer_id="id", created=7, model=MODEL).whole(collected(deltas))


@given(
    st.dictionaries(
        st.sampled_from(
            ["contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "labels"]
        ),
        JSON
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "parts",
                    "functionDeclarations",
                    "googleSearch",
                    "functionCallingConfig",
                    "temperature",
                    "maxOutputTokens",
                    "stopSequences",
                    "responseSchema",
                    "thinkingConfig",
                ]
            ),
            JSON
            | st.sampled_from(["user", "model"])
            | st.lists(
                st.dictionaries(
                    st.sampled_from([*NAMES, "functionResponse", "parameters"]), JSON, max_size=3
                ),
                max_size=3,
            ),
            max_size=3,
        ),
    )
)
def test_any_json_for_a_request_is_read_or_refused_by_name(members: dict[str, object]) -> None:
    body = json.dumps({"contents": [{"parts": [{"text": "hi"}]}], **members}).encode()
    refused = ""
    try:
        request = WIRE.read_request({"model": "m", "action": "generateContent"}, body)
        for source in (request.source, None):
            made = Request(
                **{**{n: getattr(request, n) for n in request.__struct_fields__}, "source": source}
            )
            WIRE.write_request(made, Profile("e", "m"), Endpoint("e", "gemini", "http://e"))
    except InvalidRequest as error:
        refused = error.param or "nothing"
    assert refused.partition("[")[0].partition(".")[0] in ("", "messages", "temperature", "stop", *members)


@given(st.binary(max_size=200))
def test_any_bytes_for_a_request_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        WIRE.read_request({"model": "m", "action": "generateContent"}, body)


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
def test_recorded_answers_give_the_same_deltas_byte_by_byte_and_never_end_early() -> None:
    root = folder()
    assert root is not None
    streams = [each for each in recordings(root) if each.framing != "document" and each.status == 200]
    assert len(streams) > 90
    for recording in streams:
        body = recording.body
        expected = seen(body)
        assert seen(body, *range(0, len(body), 7)) == expected, recording.name
        if len(body) < 10_000:
            assert seen(body, *range(len(body))) == expected, recording.name


@pytest.mark.skipif(folder() is None, reason="PODIUM_TEST_DATA names no folder with recordings")
def test_recorded_streams_that_are_cut_before_their_finish_reason_are_truncated() -> None:
    root = folder()
    assert root is not None
    count = 0
    for recording in recordings(root):
        if recording.framing == "document" or recording.status != 200 or b'"blockReason"' in recording.body:
            continue
        told = recording.body.index(b'"finishReason"')
        body = recording.body
        ends = [at for at in range(told) if body.startswith((b"\r\n\r\n", b"\n,\r\n"), at)]
        for cut in {0, told // 2, told, *ends}:
            _, error = read_until_error(body[:cut])
            assert error is not None, (recording.name, cut)
            count += 1
    assert count > 300
