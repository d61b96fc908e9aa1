"""Which result is of which call, where a client leaves out ids or writes other names."""

from hypothesis import given
from hypothesis import strategies as st

from podium.vocabulary.part import Part, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line
from podium.wires.call_id import CallIds, paired

IDS = st.sampled_from(["", "", "a", "b", "c"])
NAMES = st.sampled_from(["f", "g", "h"])


def call(name: str, call_id: str = "") -> ToolCall:
    return ToolCall(call_id, name, "{}")


def result(name: str | None, call_id: str = "") -> ToolResult:
    return ToolResult(call_id, (), name=name)


CALLS = st.builds(call, NAMES, IDS)
RESULTS = st.builds(result, st.none() | NAMES | st.just("ns.f"), IDS)
PARTS = st.lists(CALLS | RESULTS | st.builds(Text, st.just("so")), max_size=12)


def names(*parts: Part) -> list[str | None]:
    return [None if of is None else of.name for _, of in paired(parts)]


def test_results_that_name_no_call_are_paired_in_order() -> None:
    assert names(call("f"), call("g"), call("h"), result("ns.f"), result("ns.g")) == ["f", "g"]
    assert names(call("f"), call("f"), call("g"), *(result(None) for _ in range(4))) == ["f", "f", "g", None]


def test_a_result_that_names_its_call_comes_before_one_that_names_none() -> None:
    assert names(call("f"), call("g"), result("ns.g"), result("f")) == ["g", "f"]
    assert names(call("f"), result("ns"), call("g"), result("f")) == ["f", "g"]


def test_a_call_whose_result_has_its_id_waits_for_no_other() -> None:
    assert names(call("f", "a"), call("g", "b"), result("g"), result("x", "a")) == ["g", "f"]
    assert names(call("f", "a"), result(None), result("f", "b")) == ["f", None]


@given(PARTS)
def test_each_result_is_paired_once_by_id_or_name_and_else_in_order(parts: list[Part]) -> None:
    places = {id(part): at for at, part in enumerate(parts)}
    pairs = list(paired(parts))
    assert [id(each) for each, _ in pairs] == [id(part) for part in parts if isinstance(part, ToolResult)]
    taken = [id(of) for _, of in pairs if of is not None]
    assert len(taken) == len(set(taken))
    for each, of in pairs:
        free = [
            part
            for part in parts[: places[id(each)]]
            if isinstance(part, ToolCall) and (part is of or id(part) not in taken)
        ]
        if each.call_id:
            free = [part for part in free if part.id == each.call_id]
        elif same := [part for part in free if part.name == each.name]:
            free = same
        assert of is (free[0] if free else None)


@given(PARTS)
def test_a_host_is_told_of_each_result_by_the_id_of_its_call(parts: list[Part]) -> None:
    ids = CallIds([Line("tool", (part,)) for part in parts], lambda call_id: f"{call_id}!")
    made = [ids.of_call(part) for part in parts if isinstance(part, ToolCall) and not part.id]
    assert len(made) == len(set(made))
    for each, of in paired(parts):
        expected = f"{each.call_id}!" if each.call_id else "call_unknown!" if of is None else ids.of_call(of)
        assert ids.of_result(each) == expected
