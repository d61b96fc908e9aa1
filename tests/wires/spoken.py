"""Made-up answers as deltas, for properties."""

from hypothesis import strategies as st
from msgspec import Raw

from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    FinishReason,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Extra
from podium.vocabulary.usage import Usage
from podium.wires.openai_chat.member import NAME, extra_of, raw

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
_NO_OBJECT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="{"), min_size=1, max_size=12
)
"""Arguments that are never whole before the answer is: nothing may follow those that are."""

_FINISH: list[FinishReason] = ["stop", "length", "content_filter"]
_COUNT = st.integers(0, 10_000)


class _Speaker:
    """One choice that speaks part after part."""

    def __init__(self, choice: int) -> None:
        self.choice = choice
        self.parts = 0
        self.kind = ""
        self.calls: list[int] = []
        self.deltas: list[Delta] = []

    def _index(self, kind: str) -> int:
        if kind != self.kind or kind == "call":
            self.parts += 1
        self.kind = kind
        return self.parts - 1

    def speak(self, kind: str, draw: st.DrawFn) -> None:
        match kind:
            case "text":
                self.deltas.append(
                    TextDelta(self._index(kind), draw(TEXT), self.choice, extra=draw(_extras()))
                )
            case "refusal":
                self.deltas.append(RefusalDelta(self._index(kind), draw(TEXT), self.choice))
            case "reasoning":
                new = self.kind != kind
                extra = (
                    Extra(NAME, {"reasoning": raw(draw(st.sampled_from(["reasoning_content"])))})
                    if new
                    else None
                )
                self.deltas.append(ReasoningDelta(self._index(kind), draw(TEXT), self.choice, extra=extra))
            case "call":
                self._call(draw)
            case _:
                self._more(draw)

    def _call(self, draw: st.DrawFn) -> None:
        at = self._index("call")
        self.calls.append(at)
        kind = draw(st.sampled_from(["function", "custom"]))
        self.deltas.append(
            ToolCallStarted(
                at,
                draw(TEXT) + str(at),
                draw(TEXT),
                self.choice,
                "custom" if kind == "custom" else "function",
            )
        )

    def _more(self, draw: st.DrawFn) -> None:
        if self.calls and self.kind == "call":
            self.deltas.append(
                ToolCallDelta(draw(st.sampled_from(self.calls)), draw(_NO_OBJECT), self.choice)
            )

    def end(self, draw: st.DrawFn) -> list[Delta]:
        reason: FinishReason = "tool_calls" if self.calls else draw(st.sampled_from(_FINISH))
        completed = [ToolCallCompleted(at, self.choice) for at in self.calls]
        return [*completed, Finished(reason, self.choice)]


def _extras() -> st.SearchStrategy[Extra | None]:
    value = st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | TEXT, lambda inner: st.lists(inner, max_size=2)
    )
    members = st.dictionaries(TEXT.map(lambda name: "x_" + name), value.map(raw), max_size=2)
    return st.builds(lambda a, b, c: extra_of(answer=a, choice=b, message=c), members, members, members)


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:
    """The deltas of a whole answer, in the order in which a reader gives them."""
    speakers = [_Speaker(choice) for choice in range(draw(st.integers(1, 2)))]
    kinds = st.sampled_from(["text", "text", "reasoning", "refusal", "call", "more", "more"])
    spoken: list[Delta] = []
    for speaker in draw(st.lists(st.sampled_from(speakers), max_size=15)):
        before = len(speaker.deltas)
        speaker.speak(draw(kinds), draw)
        spoken.extend(speaker.deltas[before:])
    spoken_to = [each for each in speakers if each.deltas] or speakers[:1]
    usage = draw(st.none() | st.builds(Usage, _COUNT, _COUNT, _COUNT, _COUNT, _COUNT, _COUNT, _COUNT))
    seen: list[Delta] = [] if usage is None else [UsageSeen(usage)]
    ends = [delta for speaker in spoken_to for delta in speaker.end(draw)]
    return [AnswerStarted("id", "m", 7), *spoken, *seen, *ends]


def comparable(deltas: list[Delta]) -> list[object]:
    """Deltas without the host's own usage; extras as JSON values, so that spacing does not count."""
    return [_comparable(delta) for delta in deltas]


def _comparable(delta: Delta) -> object:
    fields = {name: getattr(delta, name) for name in delta.__struct_fields__ if name != "host"}
    extra = fields.get("extra")
    if isinstance(extra, Extra):
        fields["extra"] = {name: bytes(Raw(value)) for name, value in extra.members.items()}
    return type(delta).__name__, fields
