"""The chunk that repeats is read by cutting; it must read as parsing would."""

import json

from hypothesis import given
from hypothesis import strategies as st

from podium.vocabulary.event import Delta
from podium.wires.openai_chat import OpenAIChat

FRAME = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}


def chunk(text: str, *, ascii_only: bool, **delta: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text, **delta}, "logprobs": None, "finish_reason": None}
    return b"data: " + json.dumps({**FRAME, "choices": [choice]}, ensure_ascii=ascii_only).encode() + b"\n\n"


def read(pieces: list[bytes]) -> list[Delta]:
    reader = OpenAIChat().reader("text/event-stream")
    return [delta for piece in pieces for delta in reader.feed(piece)]


@given(st.lists(st.text(max_size=12), max_size=12), st.booleans())
def test_whole_events_read_as_their_single_bytes_do(texts: list[str], ascii_only: bool) -> None:
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    events = [
        chunk("", ascii_only=ascii_only, role="assistant"),
        *(chunk(t, ascii_only=ascii_only) for t in texts),
    ]
    assert read(events) == read([bytes([byte]) for byte in b"".join(events)])


@given(st.lists(st.text(max_size=12), max_size=12), st.integers(2, 4), st.booleans())
def test_events_that_come_together_read_as_they_do_one_by_one(
    texts: list[str], together: int, ascii_only: bool
) -> None:
    texts = ["first", *(text.encode("utf-8", "replace").decode() for text in texts)]
    events = [chunk(text, ascii_only=ascii_only) for text in texts]
    begun = [chunk("", ascii_only=ascii_only, role="assistant"), events[0]]
    groups = [b"".join(events[at : at + together]) for at in range(1, len(events), together)]
    assert read([*begun, *groups]) == read([*begun, *events[1:]])


@given(st.text(alphabet='ab"\\,:{}\n', max_size=40))
def test_a_text_that_looks_like_a_chunk_is_only_text(text: str) -> None:
    events = [chunk(each, ascii_only=True) for each in ("first", text, '"},"finish_reason":"stop', text)]
    events.insert(0, chunk("", ascii_only=True, role="assistant"))
    assert read(events) == read([b"".join(events)])
