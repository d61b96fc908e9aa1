"""What is sent of a conversation: instructions first, then what was said, and what is asked of one that broke off."""

import pytest

from podium.context.compose import compose
from podium.errors import InvalidRequest
from podium.vocabulary.part import Reasoning, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line, Request

KIND = Line("system", (Text("Be kind."),))
HELLO = Line("user", (Text("Hello"),))
THOUGHT = Reasoning("Well")


def asked(*lines: Line) -> Request:
    return Request("lab/small", lines)


def test_instructions_come_first() -> None:
    before = (HELLO, Line("assistant", (Text("Hi"),)))
    composed = compose(asked(KIND, HELLO), [*before, HELLO], 10_000)
    assert composed.lines == (KIND, *before, HELLO)


def test_an_answer_that_broke_off_is_asked_to_go_on() -> None:
    broken = Line("assistant", (THOUGHT, Text("Once upon")))
    *said, last = compose(asked(KIND), [HELLO, broken], 10_000, continues=True).lines
    assert said == [KIND, HELLO, broken]
    assert last.role == "user"
    assert compose(asked(KIND), [HELLO, broken], 10_000).lines == (KIND, HELLO, broken)


def test_one_that_broke_off_in_its_thoughts_begins_again() -> None:
    for history in ([HELLO, Line("assistant", (THOUGHT,))], [HELLO]):
        assert compose(asked(KIND), history, 10_000, continues=True).lines == (KIND, HELLO)


def test_a_result_that_was_just_given_is_sent_or_refused_and_an_older_one_may_be_left_out() -> None:
    call = Line("assistant", (ToolCall("c", "look", "{}"),))
    result, orphan = (Line("tool", (ToolResult(each, (Text("4"),)),)) for each in ("c", "d"))
    assert compose(asked(result), [HELLO, call, result], 10_000).lines == (HELLO, call, result)
    assert compose(asked(HELLO), [orphan, HELLO], 10_000).lines == (HELLO,)
    assert compose(asked(), [orphan, HELLO], 10_000).lines == (HELLO,)
    with pytest.raises(InvalidRequest) as refused:
        compose(asked(KIND, result, orphan), [HELLO, call, result, orphan], 10_000)
    assert refused.value.param == "input"
    assert "'d'" in refused.value.message


def test_results_of_some_calls_alone_are_refused_by_the_ids_of_the_others() -> None:
    history = [HELLO, calls(("a", "look"), ("b", "look"), ("c", "listen")), given("b", "4")]
    with pytest.raises(InvalidRequest) as refused:
        compose(asked(history[-1]), history, 10_000)
    assert "'a' (look), 'c' (listen)" in refused.value.message
    assert refused.value.param == "input"
    with pytest.raises(InvalidRequest):
        compose(asked(), history, 10_000, continues=True)
    history.append(HELLO)  # who does not give them goes on without
    assert compose(asked(HELLO), history, 10_000).lines == (
        HELLO,
        calls(("b", "look")),
        given("b", "4"),
        HELLO,
    )


def test_results_given_again_take_the_place_of_those_that_were_refused() -> None:
    called = calls(("a", "look"), ("b", "look"))
    both = (given("a", "new"), given("b", "new"))
    for before in ([given("a", "old")], [given("a", "old"), given("b", "old")], [given("no", "old")]):
        composed = compose(asked(*both), [HELLO, called, *before, *both], 10_000)
        assert composed.lines == (HELLO, called, *both)
    composed = compose(asked(both[1]), [HELLO, called, both[0], both[1]], 10_000)
    assert composed.lines == (HELLO, called, *both)


def test_results_without_ids_are_those_of_the_calls_of_their_name_in_order() -> None:
    called = calls(("a", "look"), ("b", "listen"), ("c", "look"))
    said = (("1", "look"), ("2", "look"), ("3", "listen"))
    nameless, refused_before = ([given("", text, name) for text, name in said] for _ in range(2))
    found = [given("a", "1", "look"), given("c", "2", "look"), given("b", "3", "listen")]
    for number in range(4):
        history = [HELLO, called, *refused_before[:number], *nameless]
        assert compose(asked(*nameless), history, 10_000).lines == (HELLO, called, *found)
        answered = [*history, Line("assistant", (Text("so"),)), HELLO]
        assert compose(asked(HELLO), answered, 10_000).lines == (HELLO, called, *found, *answered[-2:])
    for missing, some in (("'b' (listen)", nameless[:2]), ("'c' (look)", nameless[::2])):
        with pytest.raises(InvalidRequest) as refused:
            compose(asked(*some), [HELLO, called, *some], 10_000)
        assert refused.value.message.endswith(f": {missing}.")
    with pytest.raises(InvalidRequest, match="no open call 'look'"):
        compose(asked(nameless[0]), [HELLO, nameless[0]], 10_000)


def calls(*named: tuple[str, str]) -> Line:
    """What the model says who calls tools: their calls' ids and names."""
    return Line("assistant", tuple(ToolCall(call_id, name, "{}") for call_id, name in named))


def given(call_id: str, text: str, name: str | None = None) -> Line:
    """A result."""
    return Line("tool", (ToolResult(call_id, (Text(text),), name=name),))
