"""Citations in the dialect of chat completions, where one text stands for all parts of an answer."""

import json
from typing import Any

from msgspec import Raw

from podium.vocabulary.answer import Collector
from podium.vocabulary.event import Delta, Finished, PartDone, TextDelta
from podium.vocabulary.part import Annotation, Text
from podium.vocabulary.request import Line, Request
from podium.wires.anthropic.citation import read_citations as read_of_messages
from podium.wires.gemini.citation import read_citations as read_of_generate
from podium.wires.openai_chat import OpenAIChat
from tests.wires.sdk import sdk_chunks, sdk_snapshot

WIRE = OpenAIChat()
SAID = ("Let me look. ", "It rains", " and ", "snows")
CITED = [
    ("https://one.example", "It rains"),
    ("https://two.example", "snows"),
    ("https://three.example", "snows"),
]


def _cited(text: str, *urls: str) -> Text:
    return Text(text, tuple(Annotation("url_citation", url, start=0, end=len(text)) for url in urls))


def _deltas() -> list[Delta]:
    """Blocks as Anthropic tells them: each cited text is one of its own."""
    return [
        TextDelta(0, SAID[0]),
        TextDelta(1, SAID[1]),
        PartDone(1, _cited(SAID[1], CITED[0][0])),
        TextDelta(2, SAID[2]),
        TextDelta(3, SAID[3]),
        PartDone(3, _cited(SAID[3], CITED[1][0], CITED[2][0])),
        Finished("stop"),
    ]


def _writer(*, stream: bool) -> Any:
    request = Request(model="m", lines=(Line("user", (Text("hi"),)),), stream=stream)
    return WIRE.writer(request, answer_id="a", created=1, model="m")


def _told(message: Any) -> list[tuple[str, str]]:
    entries = [each["url_citation"] for each in message["annotations"]]
    return [(each["url"], message["content"][each["start_index"] : each["end_index"]]) for each in entries]


def _document(deltas: list[Delta]) -> Any:
    collector = Collector()
    for delta in deltas:
        collector.add(delta)
    return json.loads(_writer(stream=False).whole(collector.answer()))["choices"][0]["message"]


def test_a_document_cites_every_part_by_its_place_in_the_whole_text() -> None:
    message = _document(_deltas())
    assert message["content"] == "".join(SAID)
    assert _told(message) == CITED


def test_a_stream_cites_every_part_by_its_place_in_the_whole_text() -> None:
    writer = _writer(stream=True)
    body = b"".join(writer.frame(delta) for delta in _deltas()) + writer.end()
    snapshot = sdk_snapshot(sdk_chunks(body))
    assert snapshot is not None
    assert _told(snapshot["choices"][0]["message"]) == CITED


def test_a_citation_told_at_the_end_finds_its_part() -> None:
    deltas = _deltas()
    late = [each for each in deltas if isinstance(each, PartDone)]
    writer = _writer(stream=True)
    ordered = [*(each for each in deltas[:-1] if each not in late), *late, deltas[-1]]
    body = b"".join(writer.frame(delta) for delta in ordered) + writer.end()
    snapshot = sdk_snapshot(sdk_chunks(body))
    assert snapshot is not None
    assert _told(snapshot["choices"][0]["message"]) == CITED


def test_what_this_dialect_cites_comes_out_as_it_went_in() -> None:
    """Places count characters of all text, though thoughts stand between its parts."""
    entries = [
        {"type": "url_citation", "url_citation": {"url": "https://a", "title": "A", "start_index": 0, "end_index": 3}},
        {"type": "url_citation", "url_citation": {"url": "https://b", "title": "B", "start_index": 4, "end_index": 7}},
    ]  # fmt: skip
    body = b"".join(
        b"data: " + json.dumps({"id": "c", "choices": [{"index": 0, **choice}]}).encode() + b"\n\n"
        for choice in (
            {"delta": {"content": "One "}},
            {"delta": {"reasoning_content": "hm"}},
            {"delta": {"content": "two", "annotations": entries}},
            {"delta": {}, "finish_reason": "stop"},
        )
    )
    reader = WIRE.reader("")
    deltas = [*reader.feed(body + b"data: [DONE]\n\n")]
    message = _document(deltas)
    assert message["content"] == "One two"
    assert message["annotations"] == entries
    [done] = [each.part for each in deltas if isinstance(each, PartDone)]
    assert isinstance(done, Text)
    assert [(each.start, each.end) for each in done.annotations] == [(None, None), (0, 3)]


def test_a_null_beside_a_later_delta_takes_back_nothing() -> None:
    """OpenRouter says why the model stopped, then tells the usage in a chunk in which it says null."""
    chunks = (
        {"delta": {"content": "hi"}, "finish_reason": None, "native_finish_reason": None},
        {"delta": {"content": ""}, "finish_reason": "stop", "native_finish_reason": "completed"},
        {"delta": {"content": ""}, "finish_reason": None, "native_finish_reason": None},
    )
    body = b"".join(
        b"data: " + json.dumps({"id": "c", "choices": [{"index": 0, **each}]}).encode() + b"\n\n"
        for each in chunks
    )
    writer = _writer(stream=True)
    deltas = WIRE.reader("").feed(body + b"data: [DONE]\n\n")
    written = b"".join(writer.frame(delta) for delta in deltas)
    assert b'"native_finish_reason":"completed"' in written.splitlines()[-2]


def test_a_search_result_is_cited_by_its_source() -> None:
    citation = {
        "type": "search_result_location",
        "source": "https://example.com/ruby-facts",
        "title": "Ruby Facts",
        "cited_text": "Ruby",
        "search_result_index": 0,
    }
    [annotation] = read_of_messages([Raw(json.dumps(citation).encode())], "Ruby was created in 1993.")
    assert (annotation.kind, annotation.url) == ("url_citation", "https://example.com/ruby-facts")


def test_a_stored_document_without_an_address_is_cited_by_its_title() -> None:
    grounding = {
        "groundingChunks": [{"retrievedContext": {"title": "paris.txt", "text": "Paris is…"}}],
        "groundingSupports": [
            {"segment": {"endIndex": 5, "text": "Paris"}, "groundingChunkIndices": [0]},
        ],
    }
    found = read_of_generate(Raw(json.dumps(grounding).encode()), None, {0: "Paris it is."})
    [annotation] = found[0]
    assert (annotation.kind, annotation.url, annotation.title) == ("file_citation", None, "paris.txt")


def test_a_stretch_whose_place_is_miscounted_is_found_by_its_words() -> None:
    grounding = {
        "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 9, "endIndex": 14, "text": "cloudy"}, "groundingChunkIndices": [0]},
        ],
    }
    found = read_of_generate(Raw(json.dumps(grounding).encode()), None, {0: "Mild", 2: "Now it is cloudy."})
    [annotation] = found[2]
    assert (annotation.start, annotation.end) == (10, 16)
