"""The server half of answers: exact shapes, and what the official SDK makes of them, from its request to its answer."""

import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import httpx2
import pydantic
import pytest
from google import genai
from google.genai import types

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
    Extra,
    Image,
    Media,
    Reasoning,
    Signature,
    Text,
    ToolCall,
    ToolResult,
)
from podium.vocabulary.request import Line, Request
from podium.vocabulary.usage import HostUsage, Usage
from podium.wires.gemini import Gemini
from podium.wires.member import raw
from tests.wires.gemini.sdk import facts_of, sdk_chunks, sdk_document
from tests.wires.gemini.streams import WIRE, collected, read, stream, whole

ASKED = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=True)
FOREIGN = Signature("anthropic", "claude", "sig==")
SPOKEN: list[Delta] = [
    AnswerStarted("x", "theirs", 1),
    ReasoningDelta(0, "Hm"),
    PartDone(0, Reasoning("Hm", FOREIGN)),
    TextDelta(1, "Hi"),
    TextDelta(1, " ü"),
    ToolCallStarted(2, "a", "f"),
    ToolCallDelta(2, '{"x":'),
    ToolCallDelta(2, " 1.50}"),
    ToolCallCompleted(2),
    UsageSeen(Usage(input=3, cached_input=2, output=1, reasoning=4, tool_use=5)),
    Finished("tool_calls"),
]


def body_of(deltas: Sequence[Delta], wire: Gemini = WIRE) -> bytes:
    writer = wire.writer(ASKED, answer_id="r", created=7, model="mine")
    return b"".join(writer.frame(delta) for delta in deltas) + writer.end()


def frames(deltas: Sequence[Delta]) -> list[Any]:
    return [json.loads(frame[6:]) for frame in body_of(deltas).split(b"\n\n")[:-1]]


def said(frame: Any) -> list[Any]:
    parts: list[Any] = frame["candidates"][0]["content"]["parts"]
    return parts


# ── shapes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_stream_of_text_has_googles_very_shape() -> None:
    deltas: list[Delta] = [
        TextDelta(0, "Hi"),
        TextDelta(0, " ü"),
        UsageSeen(Usage(1, output=2)),
        Finished("stop"),
    ]
    own = {"modelVersion": "mine", "responseId": "r"}
    count = {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}
    assert frames(deltas) == [
        {"candidates": [{"content": {"parts": [{"text": "Hi"}], "role": "model"}, "index": 0}], **own},
        {"candidates": [{"content": {"parts": [{"text": " ü"}], "role": "model"}, "index": 0}], **own},
        {
            "candidates": [
                {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}
            ],
            "usageMetadata": count,
            **own,
        },
    ]


def test_usage_stands_in_the_last_chunk_whether_it_came_before_or_behind_the_end() -> None:
    ends: list[Delta] = [Finished("stop", 0), Finished("length", 1)]
    seen: list[Delta] = [UsageSeen(Usage(1, output=2))]
    spoken: list[Delta] = [TextDelta(0, "a"), TextDelta(0, "b", 1)]
    for deltas in ([*spoken, *seen, *ends], [*spoken, *ends, *seen]):
        found = frames(deltas)
        assert ["usageMetadata" in frame for frame in found] == [False, False, False, True]
        assert [frame["candidates"][0].get("finishReason") for frame in found] == [
            None,
            None,
            "STOP",
            "MAX_TOKENS",
        ]


def test_usage_is_made_of_the_buckets_or_passes_verbatim() -> None:
    assert frames(SPOKEN)[-1]["usageMetadata"] == {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1,
        "totalTokenCount": 15,
        "cachedContentTokenCount": 2,
        "thoughtsTokenCount": 4,
        "toolUsePromptTokenCount": 5,
    }
    own = {"promptTokenCount": 1, "trafficType": "ON_DEMAND"}
    seen = UsageSeen(Usage(1), HostUsage("gemini", raw(own)))
    assert frames([TextDelta(0, "x"), seen, Finished("stop")])[-1]["usageMetadata"] == own


def test_a_call_is_written_once_and_whole() -> None:
    calls = [
        part["functionCall"] for frame in frames(SPOKEN) for part in said(frame) if "functionCall" in part
    ]
    assert calls == [{"id": "a", "name": "f", "args": {"x": 1.5}}]
    assert b'"args":{"x": 1.50}' in body_of(SPOKEN)


def test_a_call_that_was_cut_off_is_not_written() -> None:
    cut = [delta for delta in SPOKEN if not isinstance(delta, ToolCallCompleted)]
    assert b"functionCall" not in body_of(cut)


@pytest.mark.parametrize(
    ("arguments", "args"), [("", {}), ("oops", {"input": "oops"}), ("[1]", {"input": "[1]"})]
)
def test_arguments_that_are_no_object_stand_in_one(arguments: str, args: dict[str, Any]) -> None:
    deltas: list[Delta] = [ToolCallStarted(0, "a", "f"), ToolCallDelta(0, arguments), ToolCallCompleted(0)]
    assert said(frames(deltas)[0])[0]["functionCall"]["args"] == args


def test_a_list_holds_the_same_chunks_as_a_stream() -> None:
    assert json.loads(body_of(SPOKEN, Gemini(as_list=True))) == frames(SPOKEN)
    assert body_of([], Gemini(as_list=True)) == b"[]\n"


def test_a_refusal_is_said_as_text_and_other_citations_as_grounding() -> None:
    cited = Text("Grün.", (Annotation("url_citation", "https://u", "U", 0, 5),))
    found = frames([RefusalDelta(0, "No."), TextDelta(1, "Grün."), PartDone(1, cited), Finished("stop")])
    assert said(found[0]) == [{"text": "No."}]
    assert found[-1]["candidates"][0]["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://u", "title": "U"}}],
        "groundingSupports": [
            {
                "segment": {"startIndex": 0, "endIndex": 6, "text": "Grün."},
                "groundingChunkIndices": [0],
            }
        ],
    }


def test_a_filtered_answer_of_another_host_and_a_blocked_prompt_of_this_one() -> None:
    assert frames([Finished("content_filter", raw="refusal")])[0]["candidates"][0]["finishReason"] == "SAFETY"
    blocked = json.dumps(
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 1}}
    )
    (frame,) = frames(read(blocked.encode()))
    assert frame["promptFeedback"] == {"blockReason": "SAFETY"}
    assert "candidates" not in frame
    (chunk,) = sdk_chunks(body_of(read(blocked.encode())))
    assert chunk["promptFeedback"] == {"blockReason": "SAFETY"}


def test_pictures_are_written_inline_or_by_address() -> None:
    deltas: list[Delta] = [
        PartDone(0, Image(Media("inline", "AAAA", media_type="image/png"))),
        PartDone(1, Image(Media("url", "https://u/x.png"))),
        PartDone(2, Image(Media("file", "file-1"))),
    ]
    assert [said(frame) for frame in frames(deltas)] == [
        [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}],
        [{"fileData": {"fileUri": "https://u/x.png", "mimeType": "image/png"}}],
    ]


def test_unknown_members_pass_at_every_level() -> None:
    body = whole(
        {"text": "Hi", "partMetadata": {"a": 1}},
        {"functionCall": {"name": "f", "args": {}, "odd": 1}, "more": 2},
        strange={"deep": [1.50]},
    )
    document = json.loads(body)
    document["modelStatus"] = {"x": 1}
    answer = collected(read(json.dumps(document).encode()))
    writer = WIRE.writer(ASKED, answer_id="r1", created=0, model="gemini-2.5-flash")
    assert json.loads(writer.whole(answer)) == document


# ── the official SDK, from its request to its answer ────────────────────────────────────────────────────────────────

Answering = Callable[[Request], Sequence[Delta]]


def client_of(answering: Answering, asked: list[Request]) -> genai.Client:
    """The SDK before a server that is this wire's server half."""

    def serve(http: httpx2.Request) -> httpx2.Response:
        _, _, name = http.url.path.partition("/models/")
        model, _, action = name.rpartition(":")
        request = WIRE.read_request({"model": model, "action": action}, http.content)
        asked.append(request)
        deltas = answering(request)
        if request.stream:
            assert http.url.params["alt"] == "sse"
            return httpx2.Response(
                200, content=body_of(deltas), headers={"content-type": "text/event-stream"}
            )
        writer = WIRE.writer(request, answer_id="r", created=7, model=model)
        return httpx2.Response(200, content=writer.whole(collected(list(deltas))))

    async def serve_async(http: httpx2.Request) -> httpx2.Response:
        return serve(http)

    options = types.HttpOptions(
        base_url="http://host.invalid",
        httpx_client=httpx2.Client(transport=httpx2.MockTransport(serve)),
        httpx_async_client=httpx2.AsyncClient(transport=httpx2.MockTransport(serve_async)),
    )
    return genai.Client(api_key="none", http_options=options)


def texts(*pieces: str) -> list[Delta]:
    return [*(TextDelta(0, piece) for piece in pieces), UsageSeen(Usage(3, output=2)), Finished("stop")]


def test_the_sdk_reads_a_document() -> None:
    client = client_of(lambda request: texts("He", "llo"), [])
    answer = client.models.generate_content(model="m", contents="hi")
    assert answer.text == "Hello"
    assert answer.usage_metadata is not None
    assert answer.usage_metadata.total_token_count == 5


def test_the_sdk_reads_a_stream() -> None:
    asked: list[Request] = []
    client = client_of(lambda request: texts("He", "llo"), asked)
    config = types.GenerateContentConfig(system_instruction="Be brief.", temperature=0.5, max_output_tokens=9)
    chunks = list(client.models.generate_content_stream(model="m", contents="hi", config=config))
    assert [chunk.text for chunk in chunks] == ["He", "llo", ""]
    assert asked[0].lines == (Line("system", (Text("Be brief."),)), Line("user", (Text("hi"),)))
    assert (asked[0].sampling.temperature, asked[0].sampling.max_output) == (0.5, 9)


async def test_the_sdk_reads_both_asynchronously() -> None:
    client = client_of(lambda request: texts("He", "llo"), []).aio
    assert (await client.models.generate_content(model="m", contents="hi")).text == "Hello"
    chunks = await client.models.generate_content_stream(model="m", contents="hi")
    assert [chunk.text async for chunk in chunks] == ["He", "llo", ""]


@pytest.mark.parametrize("signature", [FOREIGN, Signature("gemini", "m", "c2lnbmVk")])
def test_the_sdk_calls_functions_by_itself_and_sends_signatures_back(signature: Signature) -> None:
    asked: list[Request] = []

    def answering(request: Request) -> Sequence[Delta]:
        if any(isinstance(part, ToolResult) for line in request.lines for part in line.parts):
            return texts("It is sunny.")
        thought = Reasoning("Hm", signature)
        call = ToolCall("a", "weather", '{"city":"Oslo"}', signature=signature)
        return [PartDone(0, thought), PartDone(1, call), Finished("tool_calls")]

    def weather(city: str) -> str:
        """The weather."""
        return f"sunny in {city}"

    client = client_of(answering, asked)
    config = types.GenerateContentConfig(tools=[weather])
    assert client.models.generate_content(model="m", contents="hi", config=config).text == "It is sunny."
    assert asked[0].tools[0].name == "weather"
    assert json.loads(bytes(asked[0].tools[0].parameters or b""))["properties"]["city"]["type"] == "string"
    (thought, call), (result,) = (line.parts for line in asked[1].lines[1:3])
    assert isinstance(thought, Reasoning)
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert (call.id, json.loads(call.arguments)) == ("a", {"city": "Oslo"})
    assert (result.call_id, result.name) == ("", "weather")  # it gives back no id
    expected = signature if signature is FOREIGN else Signature("gemini", "", "c2lnbmVk")
    assert thought.signature == call.signature == expected


def test_a_chat_of_the_sdk_sends_a_streamed_thought_back_in_one_piece() -> None:
    asked: list[Request] = []
    thinking: list[Delta] = [
        ReasoningDelta(0, "H"),
        ReasoningDelta(0, "m"),
        PartDone(0, Reasoning("Hm", FOREIGN)),
        TextDelta(1, "He"),
        TextDelta(1, "llo"),
        Finished("stop"),
    ]
    chat = client_of(lambda request: thinking, asked).chats.create(model="m")
    for question in ("hi", "ho"):
        list(chat.send_message_stream(question))
    answer = asked[1].lines[1]
    assert [(type(part), getattr(part, "text", "")) for part in answer.parts] == [
        (Reasoning, "Hm"),
        (Text, "Hello"),
    ]
    assert answer.parts[0] == Reasoning("Hm", FOREIGN, extra=answer.parts[0].extra)  # type: ignore[union-attr]  # it is one


def test_the_sdk_parses_an_answer_that_has_a_schema() -> None:
    class Point(pydantic.BaseModel):
        x: int
        name: str | None

    asked: list[Request] = []
    client = client_of(lambda request: texts('{"x": 1,', '"name": null}'), asked)
    for schema in ({"response_schema": Point}, {"response_json_schema": Point.model_json_schema()}):
        config = types.GenerateContentConfig(response_mime_type="application/json", **schema)
        answer = client.models.generate_content(model="m", contents="hi", config=config)
        assert answer.parsed in (Point(x=1, name=None), {"x": 1, "name": None})
        assert asked[-1].schema is not None
        shape = json.loads(bytes(asked[-1].schema.schema or b""))
        assert shape["properties"]["x"]["type"] == "integer"


def test_the_sdk_sends_pictures_and_gets_them() -> None:
    asked: list[Request] = []
    picture = Image(Media("inline", "AAEC", media_type="image/png"))
    client = client_of(lambda request: [PartDone(0, picture), Finished("stop")], asked)
    part = types.Part.from_bytes(data=b"\xfb\xff\x00", mime_type="image/png")
    answer = client.models.generate_content(model="m", contents=["See", part])
    assert asked[0].lines[0].parts[1] == Image(Media("inline", "+/8A", media_type="image/png"))
    assert answer.parts is not None
    assert answer.parts[0].inline_data is not None
    assert answer.parts[0].inline_data.data == b"\x00\x01\x02"


def test_what_one_wire_reads_the_sdk_reads_again() -> None:
    parts = (
        {"text": "Hm", "thought": True},
        {"text": "Hi"},
        {"functionCall": {"name": "f", "args": {"x": 1}}},
    )
    for body in (stream(*parts), whole(*parts)):
        deltas = read(body)
        expected = facts_of(sdk_chunks(body) if body[:1] == b"d" else [sdk_document(body)])
        writer = WIRE.writer(ASKED, answer_id="r1", created=0, model="gemini-2.5-flash")
        again = b"".join(writer.frame(delta) for delta in deltas) + writer.end()
        assert facts_of(sdk_chunks(again)) == expected
        assert facts_of([sdk_document(writer.whole(collected(deltas)))]) == expected


def test_members_of_other_wires_are_not_written() -> None:
    extra = Extra("openai_chat", {"answer": raw({"system_fingerprint": "f"}), "choice": raw({"x": 1})})
    assert frames([TextDelta(0, "Hi", extra=extra)]) == frames([TextDelta(0, "Hi")])


@pytest.mark.parametrize(
    ("word", "told"), [("pause_turn", "PAUSE_TURN"), ("error", "ERROR"), ("", "OTHER"), (None, "OTHER")]
)
def test_a_failed_end_of_another_host_keeps_its_word_and_the_sdk_takes_it(
    word: str | None, told: str
) -> None:
    class Point(pydantic.BaseModel):
        x: int

    client = client_of(lambda request: [TextDelta(0, '{"x": 1}'), Finished("other", raw=word)], [])
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Point)
    with warnings.catch_warnings(action="ignore"):  # of enumerations that the SDK does not know
        answer = client.models.generate_content(model="m", contents="hi", config=config)
        *_, last = client.models.generate_content_stream(model="m", contents="hi")
    assert answer.parsed == Point(x=1)
    for each in (answer, last):
        assert each.candidates is not None
        assert each.candidates[0].finish_reason is not None
        assert each.candidates[0].finish_reason.value == told
