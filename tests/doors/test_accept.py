"""The header `accept` decides between a whole answer and its events where a body does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.api.accept import prefers_events
from tests.doors.podium import Podium
from tests.doors.sessions import caller

ANN = "3f2b8c1e-0d6a-4a57-9a43-5d1a2b3c4d5e"
EVENTS = [
    "text/event-stream",
    "Text/Event-Stream",
    "text/event-stream; charset=utf-8",
    "application/json, text/event-stream",
    "application/json;q=0.9, TEXT/EVENT-STREAM ; Q=0.9",
    "application/json;q=0, text/event-stream;q=0.001",
    "text/event-stream;q=much, application/json",
    "*/*;q=0.1,text/event-stream;q=0.5",
]
WHOLE = [
    "*/*",
    "text/*",
    "application/json",
    "text/event-stream;q=0",
    "text/event-stream;q=0.000, application/json;q=0",
    "application/json, text/event-stream;q=0.9",
    "text/event-stream;q=0.5, application/json;q=2",
    "application/x-text/event-stream",
    "text/event-streams",
    "",
]


async def test_every_door_answers_in_events_exactly_where_they_are_preferred(server: Podium) -> None:
    ann = await caller(server, ANN)
    made = (await ann.good("POST", "/v1/conversations", {}))["id"]
    doors = {
        f"/v1/conversations/{made}/turns": {"input": "hello"},
        "/llm/chat/": {"user_id": ANN, "initial_message": "hello"},
        "/chat": {"message": "hello"},
    }
    for path, body in doors.items():
        for accept in (*EVENTS, *WHOLE):
            told = await ann.ask("POST", path, body, accept=accept)
            assert told.status == 200
            is_stream = told.headers["content-type"].startswith("text/event-stream")
            assert is_stream is (accept in EVENTS), (path, accept)


async def test_a_header_that_stands_twice_is_one_list(server: Podium) -> None:
    headers = [("accept", "text/event-stream;q=0.5"), ("accept", "application/json")]
    async with server.http.post(f"{server.url}/chat", json={"message": "hi"}, headers=headers) as answer:
        assert answer.content_type == "application/json"


@given(st.binary())
def test_no_header_is_too_odd_to_be_read(accept: bytes) -> None:
    assert prefers_events(accept) in (True, False)


@given(
    st.floats(0, 1).map(lambda q: round(q, 3)),
    st.floats(0, 1).map(lambda q: round(q, 3)),
)
@pytest.mark.parametrize("form", ["{0};q={1:.3f},{2};q={3:.3f}", "{2};q={3:.3f} , */*, {0} ;q={1:.3f}"])
def test_the_higher_quality_decides_and_nought_is_never(form: str, events: float, whole: float) -> None:
    accept = form.format("text/event-stream", events, "application/json", whole)
    assert prefers_events(accept.encode()) is (events > 0 and events >= whole)
