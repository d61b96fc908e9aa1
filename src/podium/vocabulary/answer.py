"""The answer that a stream of deltas spells: what a caller gets who does not stream, and what is stored."""

from msgspec import Raw, Struct

from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    FinishReason,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Extra, Part, Reasoning, Refusal, Text, ToolCall
from podium.vocabulary.usage import HostUsage, Usage


class Choice(Struct, frozen=True, omit_defaults=True):
    """One alternative answer."""

    index: int
    parts: tuple[Part, ...]
    finish: FinishReason | None = None
    raw_finish: str | None = None
    logprobs: tuple[Raw, ...] = ()
    extra: tuple[Extra, ...] = ()


class Answer(Struct, frozen=True, omit_defaults=True):
    """Everything that a host said in reply to one request. `extra` holds the unknown members in order of arrival."""

    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    host_usage: HostUsage | None = None
    id: str | None = None
    model: str | None = None
    created: int | None = None
    extra: tuple[Extra, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether every choice that began has been ended by the host itself."""
        return bool(self.choices) and all(choice.finish is not None for choice in self.choices)


class _Piece:
    """A part in the making."""

    __slots__ = ("closed", "done", "opening", "texts")

    def __init__(self, opening: Delta) -> None:
        self.opening = opening
        self.texts: list[str] = []
        self.done: Part | None = None
        self.closed = False

    def part(self, *, keep_cut_calls: bool) -> Part | None:
        if self.done is not None:
            return self.done
        text = "".join(self.texts)
        match self.opening:
            case ToolCallStarted(id=id, name=name, kind=kind, extra=extra):
                if not self.closed and not keep_cut_calls:
                    return None
                return ToolCall(id=id, name=name, arguments=text, kind=kind, extra=extra)
            case ReasoningDelta(extra=extra):
                return Reasoning(text, extra=extra)
            case RefusalDelta():
                return Refusal(text)
            case _:
                return Text(text)


class _ChoiceInMaking:
    __slots__ = ("extra", "finish", "logprobs", "pieces", "raw_finish")

    def __init__(self) -> None:
        self.pieces: dict[int, _Piece] = {}
        self.finish: FinishReason | None = None
        self.raw_finish: str | None = None
        self.logprobs: list[Raw] = []
        self.extra: list[Extra] = []

    def piece(self, delta: TextDelta | RefusalDelta | ReasoningDelta | ToolCallStarted | PartDone) -> _Piece:
        piece = self.pieces.get(delta.index)
        if piece is None:
            piece = self.pieces[delta.index] = _Piece(delta)
        return piece

    def choice(self, index: int, *, keep_cut_calls: bool) -> Choice:
        parts = (self.pieces[at].part(keep_cut_calls=keep_cut_calls) for at in sorted(self.pieces))
        return Choice(
            index=index,
            parts=tuple(part for part in parts if part is not None),
            finish=self.finish,
            raw_finish=self.raw_finish,
            logprobs=tuple(self.logprobs),
            extra=tuple(self.extra),
        )


class Collector:
    """Collects deltas into an `Answer`. `add` is O(1); `answer` may be asked at any time, also of a broken stream."""

    def __init__(self) -> None:
        self._choices: dict[int, _ChoiceInMaking] = {}
        self._started = AnswerStarted()
        self._usage: Usage | None = None
        self._host_usage: HostUsage | None = None
        self._extra: list[Extra] = []

    def add(self, delta: Delta) -> None:
        """Take the next delta."""
        if type(delta) is TextDelta and delta.logprobs is None and delta.extra is None:
            self._choice(delta.choice).piece(delta).texts.append(delta.text)  # nearly every delta
        elif isinstance(delta, AnswerStarted):
            self._started = delta
            if delta.extra:
                self._extra.append(delta.extra)
        elif isinstance(delta, UsageSeen):
            self._usage, self._host_usage = delta.usage, delta.host
            if delta.extra:
                self._extra.append(delta.extra)
        else:
            self._add_to_choice(delta)

    def _choice(self, index: int) -> _ChoiceInMaking:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _ChoiceInMaking()
        return choice

    def _add_to_choice(
        self,
        delta: TextDelta
        | RefusalDelta
        | ReasoningDelta
        | ToolCallStarted
        | ToolCallDelta
        | ToolCallCompleted
        | PartDone
        | Finished,
    ) -> None:
        choice = self._choice(delta.choice)
        match delta:
            case TextDelta() | RefusalDelta():
                choice.piece(delta).texts.append(delta.text)
                if delta.logprobs is not None:
                    choice.logprobs.append(delta.logprobs)
            case ReasoningDelta():
                choice.piece(delta).texts.append(delta.text)
            case ToolCallStarted():
                choice.piece(delta)
            case ToolCallDelta(index=index, arguments=arguments):
                choice.pieces[index].texts.append(arguments)
            case ToolCallCompleted(index=index):
                choice.pieces[index].closed = True
            case PartDone(part=part):
                choice.piece(delta).done = part
            case Finished():
                choice.finish, choice.raw_finish = delta.reason, delta.raw
        extra = getattr(delta, "extra", None)
        if extra is not None and not isinstance(delta, ToolCallStarted):
            choice.extra.append(extra)

    def answer(self, *, keep_cut_calls: bool = False) -> Answer:
        """The answer so far. Calls whose arguments were cut off are left out unless asked for."""
        return Answer(
            choices=tuple(
                self._choices[index].choice(index, keep_cut_calls=keep_cut_calls)
                for index in sorted(self._choices)
            ),
            usage=self._usage,
            host_usage=self._host_usage,
            id=self._started.id,
            model=self._started.model,
            created=self._started.created,
            extra=tuple(self._extra),
        )
