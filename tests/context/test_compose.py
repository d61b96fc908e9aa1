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
