"""Made-up answers as deltas, as this wire's reader gives them, for properties."""

import json

from hypothesis import strategies as st

from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Annotation, Extra, Opaque, Reasoning, Signature, Text
from podium.vocabulary.usage import Usage
from podium.wires.anthropic.member import NAME, extra_of
from podium.wires.member import raw

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_COUNT = st.integers(0, 10_000)
_ENDS = [
    ("stop", "end_turn"),
    ("length", "max_tokens"),
    ("content_filter", "refusal"),
    ("other", "pause_turn"),
]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | TEXT, lambda inner: st.lists(inner, max_size=2)
)


def _members() -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(TEXT.map(lambda name: "x_" + name), _JSON, max_size=2)


@st.composite
def _extra(draw: st.DrawFn, level: str) -> Extra | None:
    members = draw(_members())
    return extra_of(**{level: {name: raw(value) for name, value in members.items()}})


def _text(at: int, draw: st.DrawFn) -> list[Delta]:
    extra = draw(st.none() | _extra("block"))
    pieces = draw(st.lists(TEXT, min_size=1, max_size=4))
    deltas: list[Delta] = [
        TextDelta(at, pieces[0], extra=extra),
        *(TextDelta(at, each) for each in pieces[1:]),
    ]
    cited = draw(st.lists(TEXT, max_size=2))
    whole = "".join(pieces)
    if extra is None and not cited:
        return deltas
    citations = tuple(
        Annotation(
            kind="url_citation",
            url=each,
            start=0,
            end=len(whole),
            extra=Extra(NAME, {"citation": raw({"type": "web_search_result_location", "url": each})}),
        )
        for each in cited
    )
    return [*deltas, PartDone(at, Text(whole, citations, extra))]


def _thought(at: int, draw: st.DrawFn) -> list[Delta]:
    if draw(st.booleans()):
        return [PartDone(at, Reasoning("", _signature(draw), redacted=True))]
    pieces = draw(st.lists(TEXT, min_size=1, max_size=4))
    deltas: list[Delta] = [ReasoningDelta(at, each) for each in pieces]
    return [*deltas, PartDone(at, Reasoning("".join(pieces), _signature(draw)))]


def _signature(draw: st.DrawFn) -> Signature:
    own = Signature(NAME, "m", draw(TEXT.filter(lambda text: not text.startswith("podium:"))))
    return draw(st.sampled_from([own, Signature("gemini", "gemini-x", draw(TEXT))]))


def _call(at: int, draw: st.DrawFn) -> list[Delta]:
    arguments = json.dumps(draw(_members()), ensure_ascii=False)
    cut = draw(st.integers(1, len(arguments)))
    pieces = [each for each in (arguments[:cut], arguments[cut:]) if each]
    start = ToolCallStarted(at, draw(TEXT), draw(TEXT), extra=draw(st.none() | _extra("block")))
    return [start, *(ToolCallDelta(at, each) for each in pieces), ToolCallCompleted(at)]


def _opaque(at: int, draw: st.DrawFn) -> list[Delta]:
    block = {"type": "server_tool_use", "id": draw(TEXT), "name": "search", "input": draw(_members())}
    return [PartDone(at, Opaque(NAME, raw(block)))]


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:
    """The deltas of a whole answer, in the order in which a reader gives them."""
    makers = draw(st.lists(st.sampled_from([_text, _text, _thought, _call, _opaque]), max_size=6))
    spoken = [delta for at, make in enumerate(makers) for delta in make(at, draw)]
    reason, word = ("tool_calls", "tool_use") if _call in makers else draw(st.sampled_from(_ENDS))
    stop = {"stop_reason": raw(word)} if word == "pause_turn" else {}
    extra = draw(st.none() | _extra("event"))
    if stop:
        extra = Extra(NAME, {**(extra.members if extra else {}), "stop": raw(stop)})
    usage = UsageSeen(draw(st.builds(Usage, _COUNT, _COUNT, _COUNT, _COUNT, _COUNT)))
    finished = Finished(reason, raw=word, extra=extra)  # type: ignore[arg-type]  # of the words above
    return [
        AnswerStarted("id", "m", extra=draw(st.none() | _extra("message"))),
        usage,
        *spoken,
        usage,
        finished,
    ]


def comparable(deltas: list[Delta]) -> list[object]:
    """Deltas without the host's own usage; JSON as values, so that neither spacing nor order counts."""
    return [_comparable(delta) for delta in deltas]


def _comparable(value: object) -> object:
    if isinstance(value, Extra):
        return {name: json.loads(bytes(each)) for name, each in value.members.items()}
    if isinstance(value, Opaque):
        return json.loads(bytes(value.value))
    if isinstance(value, tuple):
        return [_comparable(each) for each in value]
    fields = getattr(value, "__struct_fields__", None)
    if fields is None:
        return value
    return type(value).__name__, {
        name: _comparable(getattr(value, name)) for name in fields if name != "host"
    }
