"""The parser of server-sent events."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from podium.wires.sse import Event, EventParser


def parse(*chunks: bytes, limit: int = 1 << 20) -> list[Event]:
    parser = EventParser(limit)
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    return events + parser.close()


def test_an_event_is_its_data_up_to_a_blank_line() -> None:
    assert parse(b"data: a\n\ndata: b\n\n") == [("", b"a"), ("", b"b")]


def test_every_line_ending_counts() -> None:
    assert parse(b"data: a\r\n\r\ndata: b\r\rdata: c\n\n") == [("", b"a"), ("", b"b"), ("", b"c")]


def test_a_crlf_that_is_torn_apart_is_one_line_ending() -> None:
    assert parse(b"data: a\r", b"\n\r", b"\ndata: b\r", b"\n\r\n") == [("", b"a"), ("", b"b")]


def test_lines_of_data_are_joined_by_line_feeds() -> None:
    assert parse(b"data: a\ndata:b\ndata\n\n") == [("", b"a\nb\n")]


def test_comments_ids_and_retries_are_passed_over() -> None:
    assert parse(b": OPENROUTER PROCESSING\n\n:\n\nid: 1\nretry: 5\ndata: a\n\n: ping - 2026\n\n") == [
        ("", b"a")
    ]


def test_a_name_belongs_to_its_event_alone() -> None:
    assert parse(b"event: error\ndata: a\n\nevent: lost\n\ndata: b\n\n") == [("error", b"a"), ("", b"b")]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert parse(b"\xef\xbb\xbfdata: a\n\n") == [("", b"a")]


def test_an_event_without_its_blank_line_is_given_out_at_the_end() -> None:
    assert parse(b"data: a\n\ndata: b") == [("", b"a"), ("", b"b")]


def test_llama_cpps_error_line_is_an_event_of_that_name() -> None:
    assert parse(b'error: {"message":"no"}\n\n') == [("error", b' {"message":"no"}')]


def test_an_event_beyond_the_limit_stops_the_parser_whether_it_is_one_line_or_many() -> None:
    for body in (b"data: " + b"x" * 200, b"data: xxxx\n" * 50, b": " + b"x" * 200 + b"\n"):
        parser = EventParser(100)
        assert parser.feed(b"data: a\n\n" + body) == [("", b"a")]
        assert parser.too_large
    parser = EventParser(100)
    for _ in range(300):
        parser.feed(b"x")
    assert parser.too_large


def test_a_long_event_in_single_bytes_takes_linear_time() -> None:
    parser = EventParser(1 << 20)
    for _ in range(300_000):
        parser.feed(b"x")
    assert not parser.too_large


@given(
    st.lists(
        st.sampled_from(
            [b"data: a", b"data:b", b"\n", b"\r", b"\r\n", b": c", b"event: e", b"\xef\xbb\xbf", b"x"]
        )
    ),
    st.data(),
)
def test_the_same_bytes_give_the_same_events_whatever_the_chunking(
    pieces: list[bytes], data: st.DataObject
) -> None:
    body = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)))))
    edges = [0, *cuts, len(body)]
    assert parse(*(body[a:b] for a, b in itertools.pairwise(edges))) == parse(body)
