"""The server half of an answer: deltas into chunks, a whole answer into a document.

Shapes: https://ai.google.dev/api/generate-content#generatecontentresponse. A stream has only `data: ` lines and no
terminator; the official SDK takes nothing else. A call is written when it is whole. Usage stands in the last chunk,
so the chunk that ends a candidate waits until it is known whether more comes.
"""

from msgspec import Raw

from podium.errors import PodiumError
from podium.vocabulary.answer import Answer
from podium.vocabulary.event import (
    AnswerStarted,
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
    UsageSeen,
)
from podium.vocabulary.part import Extra, Reasoning, Refusal, Text, ToolCall
from podium.wires.gemini.citation import write_citations
from podium.wires.gemini.document import (
    finish_word,
    rides,
    write_call,
    write_document,
    write_part,
    write_reasoning,
)
from podium.wires.gemini.fault import write_error
from podium.wires.gemini.logprob import write_logprobs
from podium.wires.gemini.member import extra_of, level, mark
from podium.wires.gemini.usage import write_usage
from podium.wires.member import Members, encode, raw

_NOTHING: Members = {"text": raw("")}
_STEADY = ("createTime",)
_CUT_CALL = raw("MALFORMED_FUNCTION_CALL")
"""Why an answer ends whose call never became whole, and so is not shown."""


class _Call:
    """A call in the making."""

    __slots__ = ("beside", "pieces", "start", "whole")

    def __init__(self, start: ToolCallStarted) -> None:
        self.start = start
        self.pieces: list[str] = []
        self.beside: Members = {}
        self.whole: ToolCall | None = None

    def part(self) -> Members:
        start = self.start
        made = ToolCall(start.id, start.name, "".join(self.pieces), kind=start.kind, extra=start.extra)
        return write_call(self.whole or made)


class GeminiWriter:
    """Writes one answer, as a stream (`frame`, then `end` or `error`) or `whole`."""

    def __init__(self, *, answer_id: str, model: str) -> None:
        """`answer_id` and `model` stand in every chunk."""
        own = {"modelVersion": model, "responseId": answer_id}
        self._own = {name: value for name, value in own.items() if value}
        self._seen: set[tuple[int, int]] = set()
        self._calls: dict[tuple[int, int], _Call] = {}
        self._texts: dict[int, list[Text]] = {}
        self._pending: list[bytes] = []
        self._steady: Members = {}
        self._waiting: Members = {}
        self._usage: UsageSeen | None = None
        self._set_tail()

    def _set_tail(self) -> None:
        steady = encode({**self._own, **self._steady})[1:]
        self._tail = (b"," if len(steady) > 1 else b"") + steady + b"\n\n"
        self._text_tail = b'}],"role":"model"},"index":0}]' + self._tail

    def frame(self, delta: Delta) -> bytes:
        """The chunks for one delta; empty where this dialect shows nothing for it."""
        if isinstance(delta, TextDelta):
            if (
                delta.choice == 0
                and delta.extra is None
                and delta.logprobs is None
                and not self._waiting
                and not self._pending
            ):
                self._seen.add((0, delta.index))
                text = encode(delta.text)
                return b'data: {"candidates":[{"content":{"parts":[{"text":' + text + self._text_tail
            return self._flushed() + self._text(delta)
        if isinstance(delta, ToolCallDelta):
            self._take_answer(delta.extra)
            call = self._calls[delta.choice, delta.index]
            call.pieces.append(delta.arguments)
            call.beside.update(level(delta.extra, "candidate"))
            return b""
        return self._seldom(delta)

    def _seldom(self, delta: Delta) -> bytes:
        match delta:
            case AnswerStarted():
                self._take_answer(delta.extra)
            case UsageSeen():
                self._usage = delta
                self._take_answer(delta.extra)
            case Finished():
                self._finish(delta)
            case ToolCallStarted():
                self._calls[delta.choice, delta.index] = _Call(delta)
            case ToolCallCompleted():
                return self._flushed() + self._call(delta)
            case ReasoningDelta():
                return self._flushed() + self._thought(delta)
            case RefusalDelta():
                text = TextDelta(delta.index, delta.text, delta.choice, extra=delta.extra)
                return self._flushed() + self._text(text)
            case PartDone():
                return self._flushed() + self._part(delta)
        return b""

    def end(self) -> bytes:
        """The chunks that end the candidates, the last of them with the usage."""
        if self._usage is None:
            return self._flushed()
        usage = b'"usageMetadata":' + bytes(write_usage(self._usage.usage, self._usage.host))
        *pending, last = self._pending or [b""]
        self._pending = []
        head = last + b"," if last else self._answer_members()
        return b"".join(b"data: {" + each + self._tail for each in pending) + (
            b"data: {" + head + usage + self._tail
        )

    def error(self, status: int, error: PodiumError) -> bytes:
        """The error as the stream's last event. What would have ended a candidate is not said any more."""
        self._pending = []
        return b"data: " + write_error(status, error) + b"\n\n"

    def whole(self, answer: Answer) -> bytes:
        """The document of a whole answer."""
        return write_document(answer, self._own)

    def _flushed(self) -> bytes:
        pending, self._pending = self._pending, []
        return b"".join(b"data: {" + each + self._tail for each in pending)

    def _take_answer(self, extra: Extra | None) -> None:
        members = level(extra, "answer")
        steady = {name: value for name, value in members.items() if name in _STEADY}
        if steady:
            self._steady.update(steady)
            self._set_tail()
        self._waiting.update((name, value) for name, value in members.items() if name not in _STEADY)

    def _answer_members(self) -> bytes:
        """Members of the answer that wait, to stand before others: `"a":1,`, or nothing."""
        waiting, self._waiting = self._waiting, {}
        return encode(waiting)[1:-1] + b"," if waiting else b""

    def _candidate(
        self,
        index: int,
        parts: list[Members],
        extra: Extra | None,
        finish: Raw | None = None,
        **found: Raw | None,
    ) -> bytes:
        """The members of a chunk of one candidate. `found` is said where the host has not said it itself."""
        self._take_answer(extra)
        candidate: dict[str, object] = {"content": {"parts": parts, "role": "model"}}
        if finish is not None:
            candidate["finishReason"] = finish
        candidate["index"] = index
        candidate.update((name, value) for name, value in found.items() if value is not None)
        beside = level(extra, "candidate")
        beside.pop("finishReason", None)
        candidate.update(beside)
        return self._answer_members() + b'"candidates":' + encode([candidate])

    def _chunk(self, index: int, part: Members, extra: Extra | None = None, **found: Raw | None) -> bytes:
        return b"data: {" + self._candidate(index, [part], extra, **found) + self._tail

    def _call(self, delta: ToolCallCompleted) -> bytes:
        call = self._calls.pop((delta.choice, delta.index), None)
        return (
            b"" if call is None else self._chunk(delta.choice, call.part(), extra_of(candidate=call.beside))
        )

    def _text(self, delta: TextDelta) -> bytes:
        self._seen.add((delta.choice, delta.index))
        probable = None if delta.logprobs is None else write_logprobs((delta.logprobs,))
        part: Members = {"text": raw(delta.text)}
        return self._chunk(delta.choice, part, delta.extra, logprobsResult=probable)

    def _thought(self, delta: ReasoningDelta) -> bytes:
        self._seen.add((delta.choice, delta.index))
        part = write_reasoning(Reasoning(delta.text), delta.text)
        return self._chunk(delta.choice, part, delta.extra) if part else b""

    def _part(self, delta: PartDone) -> bytes:
        """A part that was streamed says only what is new: its signature. One that was not says all."""
        index, part, key = delta.choice, delta.part, (delta.choice, delta.index)
        seen = key in self._seen
        if isinstance(part, Text) and part.annotations:
            self._texts.setdefault(index, []).append(part)
        if isinstance(part, ToolCall):
            call = self._calls.get(key)
            if call is not None:
                call.whole = part
                return b""
        if seen and isinstance(part, Reasoning) and part.signature is not None:
            said = write_reasoning(part, "")
        elif seen:
            said = None
        elif isinstance(part, Reasoning) and rides(part) == "before":
            said = {**_NOTHING, **(write_reasoning(part, "") or {})}
        else:
            said = None if isinstance(part, Text | Refusal) and not part.text else write_part(part)
        self._seen.add(key)
        return self._chunk(index, said, delta.extra) if said is not None else b""

    def _finish(self, delta: Finished) -> None:
        if mark(delta.extra, "blocked") is not None:
            self._take_answer(delta.extra)
            self._pending.append(self._answer_members().removesuffix(b","))
            return
        grounding = write_citations(self._texts.pop(delta.choice, []))
        word = finish_word(delta)
        if delta.reason == "tool_calls" and any(choice == delta.choice for choice, _ in self._calls):
            word = _CUT_CALL
        self._pending.append(
            self._candidate(delta.choice, [_NOTHING], delta.extra, word, groundingMetadata=grounding)
        )


class GeminiListWriter:
    """Writes a stream as Google does where it is not asked for `alt=sse`: a list whose entries are the chunks."""

    def __init__(self, writer: GeminiWriter) -> None:
        """`writer` makes the chunks."""
        self._writer = writer
        self._begun = False

    def frame(self, delta: Delta) -> bytes:
        """See `GeminiWriter`."""
        return self._entries(self._writer.frame(delta))

    def end(self) -> bytes:
        """The last chunks, and the end of the list."""
        return self._entries(self._writer.end()) + (b"\n]\n" if self._begun else b"[]\n")

    def error(self, status: int, error: PodiumError) -> bytes:
        """The error as the list's last entry."""
        return self._entries(self._writer.error(status, error)) + b"\n]\n"

    def whole(self, answer: Answer) -> bytes:
        """See `GeminiWriter`."""
        return self._writer.whole(answer)

    def _entries(self, frames: bytes) -> bytes:
        entries = [frame.removeprefix(b"data: ") for frame in frames.split(b"\n\n") if frame]
        if not entries:
            return b""
        opening, self._begun = b",\r\n" if self._begun else b"[", True
        return opening + b",\r\n".join(entries)
