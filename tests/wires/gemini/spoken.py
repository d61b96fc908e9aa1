"""Made-up answers as deltas, for properties."""

from hypothesis import strategies as st
from msgspec import Raw

from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    FinishReason,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Extra, Image, Media, Reasoning, Signature, ToolCall
from podium.vocabulary.usage import Usage
from podium.wires.gemini.member import NAME, TRUE, extra_of
from podium.wires.member import raw

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
MODEL = "m"
_FINISH: list[FinishReason] = ["stop", "length", "content_filter", "other"]
_COUNT = st.integers(0, 10_000)
_SIGNED = st.binary(min_size=1, max_size=6).map(lambda data: Signature(NAME, MODEL, data.hex()))
_IDLESS = Extra(NAME, {"idless": TRUE})
_THOUGHT = Extra(NAME, {"thought": TRUE})


class _Speaker:
    """One candidate that speaks part after part; `made` counts its calls that have no id."""

    def __init__(self, choice: int) -> None:
        self.choice = choice
        self.parts = 0
        self.kind = ""
        self.calls = False
        self.made = 0
        self.deltas: list[Delta] = []

    def _index(self, kind: str) -> int:
        if kind != self.kind or kind == "whole":
            self.parts += 1
        self.kind = kind
        return self.parts - 1

    def speak(self, kind: str, draw: st.DrawFn) -> None:
        match kind:
            case "text":
                extra = draw(_extras())
                self.deltas.append(TextDelta(self._index(kind), draw(TEXT), self.choice, extra=extra))
            case "thought":
                new = self.kind != kind
                extra = _THOUGHT if new else None
                self.deltas.append(ReasoningDelta(self._index(kind), draw(TEXT), self.choice, extra=extra))
            case "sealed":
                part = Reasoning(draw(TEXT), draw(_SIGNED), extra=_THOUGHT)
                self._whole(part)
            case "picture":
                self._whole(Image(Media("inline", "AAAA", media_type="image/png")))
            case "seal":
                self._whole(Reasoning("", draw(_SIGNED), extra=Extra(NAME, {"rides": raw("alone")})))
            case _:
                self._call(draw)

    def _whole(self, part: Reasoning | Image) -> None:
        if isinstance(part, Reasoning) and part.text and self.kind == "thought":
            self.kind = ""  # what follows a thought directly would be its end
            self._whole(Image(Media("inline", "AAAA", media_type="image/png")))
        self.deltas.append(PartDone(self._index("whole"), part, self.choice))

    def _made_id(self) -> str:
        return f"call_id_{self.choice}_{self.made}" if self.choice else f"call_id_{self.made}"

    def _call(self, draw: st.DrawFn) -> None:
        at, choice = self._index("whole"), self.choice
        self.calls = True
        named = draw(st.booleans())
        call_id = draw(TEXT) if named else self._made_id()
        self.made += not named
        extra = None if named else _IDLESS
        arguments = bytes(raw(draw(st.dictionaries(TEXT, st.integers(0, 9) | TEXT, max_size=2)))).decode()
        call = ToolCall(call_id, draw(TEXT), arguments, signature=draw(st.none() | _SIGNED), extra=extra)
        self.deltas.append(ToolCallStarted(at, call.id, call.name, choice, extra=extra))
        self.deltas.append(ToolCallDelta(at, arguments, choice))
        if call.signature is not None:
            self.deltas.append(PartDone(at, call, choice))
        self.deltas.append(ToolCallCompleted(at, choice))

    def end(self, draw: st.DrawFn) -> Finished:
        reason = draw(st.sampled_from(_FINISH))
        if self.calls and reason in ("stop", "other"):
            reason = "tool_calls"
        words = {"content_filter": "SAFETY", "other": "OTHER"}
        return Finished(reason, self.choice, raw=words.get(reason))


def _extras() -> st.SearchStrategy[Extra | None]:
    value = st.recursive(
        st.booleans() | st.integers(-5, 5) | TEXT, lambda inner: st.lists(inner, max_size=2)
    ).map(raw)
    return st.none() | st.builds(lambda a: extra_of(candidate={"x": a}), value)


@st.composite
def answers(draw: st.DrawFn) -> list[Delta]:
    """The deltas of a whole answer, in the order in which a reader gives them."""
    speakers = [_Speaker(choice) for choice in range(draw(st.integers(1, 2)))]
    kinds = st.sampled_from(["text", "text", "thought", "sealed", "seal", "call", "call", "picture"])
    spoken: list[Delta] = []
    for speaker in draw(st.lists(st.sampled_from(speakers), max_size=12)):
        before = len(speaker.deltas)
        speaker.speak(draw(kinds), draw)
        spoken.extend(speaker.deltas[before:])
    spoken_to = [each for each in speakers if each.deltas] or speakers[:1]
    usage = draw(
        st.none() | st.builds(Usage, _COUNT, _COUNT, st.just(0), _COUNT, _COUNT, _COUNT, _COUNT, _COUNT)
    )
    seen: list[Delta] = [] if usage is None else [UsageSeen(usage)]
    ends: list[Delta] = [speaker.end(draw) for speaker in spoken_to]
    return [AnswerStarted("id", MODEL), *spoken, *seen, *ends]


def comparable(deltas: list[Delta]) -> list[object]:
    """Deltas without the host's own usage; extras as JSON values, so that spacing does not count."""
    return [_comparable(delta) for delta in deltas]


def _comparable(delta: Delta) -> object:
    fields = {name: getattr(delta, name) for name in delta.__struct_fields__ if name != "host"}
    extra = fields.get("extra")
    if isinstance(extra, Extra):
        fields["extra"] = {name: bytes(Raw(value)) for name, value in extra.members.items()}
    return type(delta).__name__, fields
