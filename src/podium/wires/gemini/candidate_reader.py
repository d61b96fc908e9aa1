"""One candidate of an answer: what its contents say, part by part."""

import re
from collections.abc import Callable

from msgspec import Raw

from podium.vocabulary.event import (
    Delta,
    Finished,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
)
from podium.vocabulary.part import Extra, Opaque, Part, Reasoning, Signature, Text, ToolCall
from podium.wires import answer_tool
from podium.wires.gemini.citation import read_citations
from podium.wires.gemini.finish import UNSPECIFIED, reason_of, word_for, word_of
from podium.wires.gemini.logprob import read_logprobs
from podium.wires.gemini.media import data_of, read_media
from podium.wires.gemini.member import NAME, TRUE, extra_of, flat, listed
from podium.wires.member import Members, decode_members, is_null, parse, raw, rest_of

_KNOWN = ("index", "content", "finishReason")
_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID = 24
_THOUGHT = Extra(NAME, {"thought": TRUE})


class CandidateReader:
    """Reads one candidate. `answer_extra` are members of the whole answer that wait for a delta to travel with."""

    def __init__(self, index: int, *, model: Callable[[], str], answer: Callable[[], str]) -> None:
        """`model` tells who answers, whose signatures these are; `answer` the id that ids of calls are made of."""
        self.index = index
        self.answer_extra: Members = {}
        self._model, self._answer = model, answer
        self._extra: Members = {}
        self._told: Members = {}
        self._finish: Raw | None = None
        self._parts = 0
        self._kind = ""
        self._at = 0
        self._texts: dict[int, list[str]] = {}
        self._thoughts: list[str] = []
        self._calls = self._made = 0
        self._logprobs: Raw | None = None
        self._metadata: Members = {}

    @property
    def ended(self) -> bool:
        """Whether the host has said why this candidate ended."""
        return self._finish is not None and word_of(self._finish) is not None

    def read(self, members: Members, out: list[Delta]) -> None:
        """One entry of `candidates`."""
        finish = members.get("finishReason")
        if finish is not None and not is_null(finish):
            self._finish = finish
        for name in members.keys() - _KNOWN:
            self._beside(name, flat(members[name]))
        content = members.get("content")
        if content is None or is_null(content):
            return
        for at, part in enumerate(listed(decode_members(content).get("parts")) or ()):
            self._part(part, out, first=at == 0)

    def _beside(self, name: str, value: Raw) -> None:
        if name in ("groundingMetadata", "citationMetadata"):
            self._metadata[name] = value
        elif name == "logprobsResult":
            self._logprobs = read_logprobs(value)
        if self._told.get(name) != value:  # hosts repeat their ratings in every chunk
            self._told[name] = self._extra[name] = value

    def go_on(self, text: str, out: list[Delta], *, thought: bool) -> None:
        """More text or more thought."""
        if not text:
            return
        if thought:
            self._think(text, out, first=True)
        else:
            self._say(text, out, first=True)

    def _part(self, value: Raw, out: list[Delta], *, first: bool) -> None:
        """A part; only the first of a chunk goes on where the chunk before it ended."""
        members = data_of(value)
        text = parse(members.get("text"), str)
        if text is not None:
            self._text(members, text, out, first=first)
            return
        sealed = self._signature(members)
        if "functionCall" in members:
            call = self._called(members, sealed)
            if call is not None and call.name in (answer_tool.PLAIN, answer_tool.BOXED):
                self._answer_by(call, out)
                return
            if call is not None:
                self._call(call, out)
                return
        media = read_media(members)
        if media is not None:
            self._done(media, out)
            if sealed is not None:
                self._seal(sealed, "before", out)
        elif sealed is not None and not rest_of(members, "thought", "thoughtSignature"):
            self._seal(sealed, "bare", out)
        else:
            self._done(Opaque(NAME, flat(value)), out)

    def _text(self, members: Members, text: str, out: list[Delta], *, first: bool) -> None:
        sealed = self._signature(members)
        beside = rest_of(members, "text", "thought", "thoughtSignature")
        if members.get("thought") == TRUE:
            self._thought(text, beside, sealed, out, first=first)
            return
        if beside:
            self._done(Text(text, extra=extra_of(part={k: flat(v) for k, v in beside.items()})), out)
        elif text:
            self._say(text, out, first=first)
        if sealed is not None:
            self._seal(sealed, "before" if text else "alone", out)

    def _say(self, text: str, out: list[Delta], *, first: bool) -> None:
        if self._kind != "text" or not first:
            self._kind, self._at = "text", self._next_part()
            self._texts[self._at] = []
        self._texts[self._at].append(text)
        logprobs, self._logprobs = self._logprobs, None
        out.append(
            TextDelta(index=self._at, text=text, choice=self.index, logprobs=logprobs, extra=self._carried())
        )

    def _thought(
        self, text: str, beside: Members, sealed: Signature | None, out: list[Delta], *, first: bool
    ) -> None:
        """A thought; its signature stands with it, or comes behind it with an empty text."""
        goes_on = first and self._kind == "thought"
        if sealed is None and not beside:
            if text:
                self._think(text, out, first=first)
            return
        if not goes_on:
            self._kind, self._at, self._thoughts = "thought", self._next_part(), []
        self._thoughts.append(text)
        extra = extra_of(("thought", TRUE), part={name: flat(each) for name, each in beside.items()})
        whole = Reasoning("".join(self._thoughts), sealed, extra=extra)
        out.append(PartDone(index=self._at, part=whole, choice=self.index, extra=self._carried()))
        self._kind = ""

    def _think(self, text: str, out: list[Delta], *, first: bool) -> None:
        mark = None
        if self._kind != "thought" or not first:
            self._kind, self._at, self._thoughts = "thought", self._next_part(), []
            mark = _THOUGHT
        self._thoughts.append(text)
        extra = self._carried(mark)
        out.append(ReasoningDelta(index=self._at, text=text, choice=self.index, extra=extra))

    def _seal(self, signature: Signature, rides: str, out: list[Delta]) -> None:
        """A signature that is no thought's own: the vocabulary has it as reasoning without words."""
        self._done(Reasoning("", signature, extra=extra_of(("rides", raw(rides)))), out)

    def _signature(self, members: Members) -> Signature | None:
        value = parse(members.get("thoughtSignature"), str)
        return Signature(NAME, self._model(), value) if value else None

    def _called(self, members: Members, sealed: Signature | None) -> ToolCall | None:
        """The call of a part; None where its arguments come piece by piece, which only this wire understands."""
        said = data_of(members["functionCall"])
        name, args = parse(said.get("name"), str), said.get("args")
        if not name or "partialArgs" in said or said.get("willContinue") == TRUE:
            return None
        call_id = parse(said.get("id"), str)
        marks = () if call_id else (("idless", TRUE),)
        beside, inner = (
            rest_of(members, "functionCall", "thoughtSignature"),
            rest_of(said, "id", "name", "args"),
        )
        return ToolCall(
            id=call_id or self._call_id(),
            name=name,
            arguments="{}" if args is None or is_null(args) else bytes(args).decode("utf-8", "replace"),
            signature=sealed,
            extra=extra_of(
                *marks,
                part={key: flat(each) for key, each in beside.items()},
                inner={key: flat(each) for key, each in inner.items()},
            ),
        )

    def _answer_by(self, call: ToolCall, out: list[Delta]) -> None:
        """The call of the tool that stands for a schema: its arguments are the answer's text."""
        boxed = call.name == answer_tool.BOXED
        self._say(answer_tool.unboxed(call.arguments.encode()) if boxed else call.arguments, out, first=False)

    def _call_id(self) -> str:
        """An id for a call without one: the same whenever these bytes are read, and another in every answer."""
        own = _UNFIT.sub("", self._answer())[:_LONGEST_ID]
        self._made += 1
        return "_".join(each for each in ("call", own, str(self.index or ""), str(self._made - 1)) if each)

    def _call(self, call: ToolCall, out: list[Delta]) -> None:
        """A call comes whole, so it is completed at once."""
        self._kind, self._calls = "", self._calls + 1
        at, choice = self._next_part(), self.index
        out.append(ToolCallStarted(index=at, id=call.id, name=call.name, choice=choice, extra=call.extra))
        out.append(ToolCallDelta(index=at, arguments=call.arguments, choice=choice, extra=self._carried()))
        if call.signature is not None:
            out.append(PartDone(index=at, part=call, choice=choice))
        out.append(ToolCallCompleted(index=at, choice=choice))

    def _done(self, part: Part, out: list[Delta]) -> None:
        self._kind = ""
        at = self._next_part()
        if isinstance(part, Text):
            self._texts[at] = [part.text]
        out.append(PartDone(index=at, part=part, choice=self.index, extra=self._carried()))

    def _next_part(self) -> int:
        self._parts += 1
        return self._parts - 1

    def _carried(self, mark: Extra | None = None) -> Extra | None:
        """What waited for a delta to travel with."""
        if not (self._extra or self.answer_extra):
            return mark
        waiting = extra_of(answer=self.answer_extra, candidate=self._extra)
        self.answer_extra, self._extra = {}, {}
        members = waiting.members if waiting is not None else {}
        return Extra(NAME, {**members, **(mark.members if mark is not None else {})})

    def end(self, out: list[Delta], answer_extra: Members, blocked: str | None) -> None:
        """The candidate's last deltas: texts with what they rest on, and why it ended; `blocked` if the prompt was."""
        self.answer_extra = {**self.answer_extra, **answer_extra}
        texts = {at: "".join(pieces) for at, pieces in self._texts.items()}
        grounding, citation = (self._metadata.get(name) for name in ("groundingMetadata", "citationMetadata"))
        for at, annotations in read_citations(grounding, citation, texts).items():
            out.append(PartDone(index=at, part=Text(texts[at], annotations), choice=self.index))
        finish = self._finish if self._finish is not None else raw(UNSPECIFIED)
        word = word_of(finish) or UNSPECIFIED
        reason, told = reason_of(word, has_calls=self._calls > 0)
        if blocked is not None and not self.ended:
            reason, told = "content_filter", blocked
        elif word_for(reason) != finish:
            self._extra["finishReason"] = finish
        out.append(Finished(reason=reason, choice=self.index, raw=told, extra=self._carried()))
