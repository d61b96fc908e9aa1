"""What of a conversation a model gets to see: complete units, newest first kept, within the window."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.context.compose import compose
from podium.context.history import fitting, history_bytes, tokens
from podium.vocabulary.part import Audio, Document, Image, Media, Part, Text, ToolCall, ToolResult, Video
from podium.vocabulary.request import Line, Request

_IDS = st.sampled_from(["call_0", "call_1", "call_2"])
_TEXT = st.builds(Text, st.text(max_size=60))
_CALL = st.builds(ToolCall, id=_IDS, name=st.just("look"), arguments=st.just("{}"))
_RESULT = st.builds(ToolResult, call_id=_IDS, parts=st.just((Text("found"),)))


def _said(role: str, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Line]:
    return st.builds(Line, role=st.just(role), parts=st.lists(parts, min_size=1, max_size=3).map(tuple))


_LINES = st.one_of(_said("user", _TEXT), _said("assistant", _TEXT | _CALL), _said("tool", _RESULT))
_HISTORIES = st.lists(_LINES, max_size=14)
_WINDOWS = st.integers(min_value=1, max_value=600)


def begins_unit(line: Line) -> bool:
    return line.role == "user" and not any(isinstance(part, ToolResult) for part in line.parts)


def size(lines: tuple[Line, ...]) -> int:
    return sum(tokens(line) for line in lines)


@given(_HISTORIES, _WINDOWS)
def test_each_call_has_its_result_after_it_and_each_result_its_call_before_it(
    lines: list[Line], window: int
) -> None:
    open_calls: list[str] = []
    for line in fitting(lines, window, reserved=0):
        if begins_unit(line):
            assert not open_calls
        for part in line.parts:
            if isinstance(part, ToolCall):
                assert part.id not in open_calls
                open_calls.append(part.id)
            elif isinstance(part, ToolResult):
                assert part.call_id in open_calls
                open_calls.remove(part.call_id)
    assert not open_calls


@given(_HISTORIES, _WINDOWS, st.integers(min_value=0, max_value=300))
def test_more_than_the_newest_unit_stays_only_within_the_room(
    lines: list[Line], window: int, reserved: int
) -> None:
    kept = fitting(lines, window, reserved=reserved)
    units = sum(begins_unit(line) for line in kept[1:]) + bool(kept)
    assert units <= 1 or size(kept) <= window - max(reserved, window // 4)


@given(_HISTORIES, _WINDOWS)
def test_what_stays_is_the_end_of_what_there_is_in_its_order(lines: list[Line], window: int) -> None:
    everything = fitting(lines, 10**9, reserved=0)
    kept = fitting(lines, window, reserved=0)
    assert kept == everything[len(everything) - len(kept) :]
    assert bool(kept) == bool(everything)
    assert not kept or len(kept) == len(everything) or begins_unit(kept[0])


@given(_HISTORIES)
def test_nothing_is_left_out_but_calls_and_results(lines: list[Line]) -> None:
    def texts(of: list[Line] | tuple[Line, ...]) -> list[str]:
        return [part.text for line in of for part in line.parts if isinstance(part, Text)]

    assert texts(fitting(lines, 10**9, reserved=0)) == texts(lines)


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=12), _WINDOWS)
def test_the_last_question_stays_whatever_its_size(said: list[str], window: int) -> None:
    lines = [
        Line(role="assistant" if number % 2 else "user", parts=(Text(text),))
        for number, text in enumerate(said)
    ]
    last = max(number for number, line in enumerate(lines) if line.role == "user")
    assert lines[last] in fitting(lines, window, reserved=window)


@given(st.lists(_said("user", _TEXT) | _said("assistant", _TEXT), max_size=14), _WINDOWS)
def test_what_is_read_is_enough_for_what_fits(lines: list[Line], window: int) -> None:
    """The database gives the newest messages within a number of bytes, from a user's on: no more can matter."""
    room = history_bytes(window)
    read: list[Line] = []
    whole = None
    for line in reversed(lines):
        room -= len(msgspec.json.encode(line.parts))
        if read and room < 0:
            read = read if whole is None else read[-whole:]
            break
        read.insert(0, line)
        if line.role == "user":
            whole = len(read)
    kept = fitting(lines, window, reserved=0)
    units = sum(begins_unit(line) for line in kept[1:]) + bool(kept)
    if units > 1:
        assert fitting(read, window, reserved=0) == kept


def test_a_result_that_comes_when_the_model_has_spoken_again_is_left_out_with_its_call() -> None:
    first, second = (ToolCall(id=each, name="look", arguments="{}") for each in ("a", "b"))
    lines = [
        Line(role="user", parts=(Text("look"),)),
        Line(role="assistant", parts=(first, second)),
        Line(role="tool", parts=(ToolResult(call_id="a", parts=()),)),
        Line(role="assistant", parts=(Text("so"),)),
        Line(role="tool", parts=(ToolResult(call_id="b", parts=()),)),
    ]
    asked, _, *between, _ = lines
    assert fitting(lines, 10_000, reserved=0) == (asked, Line("assistant", (first,)), *between)


def test_ids_that_a_host_gives_again_are_told_apart() -> None:
    call, result = ToolCall(id="call_0", name="look", arguments="{}"), ToolResult(call_id="call_0", parts=())
    lines = [
        Line(role="user", parts=(Text("one"),)),
        Line(role="assistant", parts=(call,)),
        Line(role="tool", parts=(result,)),
        Line(role="user", parts=(Text("two"),)),
        Line(role="assistant", parts=(Text("so"), call)),
        Line(role="user", parts=(Text("three"),)),
    ]
    kept = fitting(lines, 10_000, reserved=0)
    assert kept[:4] == tuple(lines[:4])
    assert kept[4].parts == (Text("so"),)


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    "media",
    [
        Media("url", "https://u/i.png"),
        Media("url", "https://u/" + "a" * 9_000),
        Media("file", "f"),
        Media("inline", "AAAA", "image/png"),
        Media("inline", "A" * 400_000),
    ],
)
def test_a_picture_counts_the_same_wherever_it_stands_and_whatever_its_form(
    media: Media, *, inside: bool
) -> None:
    def line(*parts: Part) -> Line:
        return Line("tool", (ToolResult("c", parts),)) if inside else Line("user", parts)

    assert 1_600 <= tokens(line(Image(media))) - tokens(line()) < 1_650


def test_a_text_counts_what_it_says_and_sounds_films_and_documents_by_the_bytes_that_are_there() -> None:
    def cost(part: Part) -> int:
        return tokens(Line("user", (part,)))

    data = "A" * 80_000
    assert 20_000 <= cost(Document(Media("inline", data, "text/plain"))) < 20_050
    for kind, made in (("application/pdf", Document), ("audio/mpeg", Audio), ("video/mp4", Video)):
        assert 2_400 <= cost(made(Media("inline", data, kind))) < 2_450
        assert 1_600 <= cost(made(Media("url", "https://u/x", kind))) < 1_650


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_always_come_first(role: str) -> None:
    instructions = Line(role=role, parts=(Text("Be brief."),))  # type: ignore[arg-type]  # both are roles
    said = [Line(role="user", parts=(Text(f"{number} " + "x" * 90),)) for number in range(9)]
    request = compose(Request(model="m", lines=(instructions, said[-1])), said, 100)
    assert request.lines[0] == instructions
    assert request.lines[-1] == said[-1]
    assert 1 < len(request.lines) < 5
