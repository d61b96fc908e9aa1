"""One content block of an answer, from its start to its stop."""

from typing import ClassVar

from msgspec import Raw
from typing_extensions import override

from podium.vocabulary.event import (
    Delta,
    PartDone,
    ReasoningDelta,
    TextDelta,
    ToolCallCompleted,
    ToolCallDelta,
    ToolCallStarted,
)
from podium.vocabulary.part import Extra, Opaque, Reasoning, Signature, Text
from podium.wires import answer_tool
from podium.wires.anthropic.citation import read_citations
from podium.wires.anthropic.member import NAME, extra_of
from podium.wires.member import NULL, Members, parse, raw, rest_of
from podium.wires.seal import unwrap


class BlockReader:
    """A block of a kind that has no word in the vocabulary, server tools and their results among them.

    It is gathered and given out whole. `piece_kind` is the kind of delta that brings more of the block, `is_call` says
    whether it is a call of the client's own tools.
    """

    piece_kind: ClassVar[str] = "input_json_delta"
    is_call: ClassVar[bool] = False

    def __init__(self, index: int, members: Members) -> None:
        """`index`: the part's; `members`: the block as its start has it."""
        self.index = index
        self._members = members
        self._pieces: list[str] = []

    def start(self, out: list[Delta]) -> None:
        """What the start of the block says already."""

    def piece(self, text: str, out: list[Delta], unknown: Members | None = None) -> None:  # noqa: ARG002 - of subclasses
        """More of it; `unknown` are the delta's other members."""
        self._pieces.append(text)

    def merge(self, members: Members) -> None:
        """A delta of another kind: strings are put behind each other, else the last word counts."""
        for name, value in members.items():
            before, more = parse(self._members.get(name), str), parse(value, str)
            joined = before is not None and more is not None
            self._members[name] = raw(f"{before}{more}") if joined else value

    def end(self, out: list[Delta]) -> None:
        """The stop of the block."""
        if joined := "".join(self._pieces):
            self._members["input"] = Raw(joined.encode()) if _is_json(joined) else raw(joined)
        out.append(PartDone(index=self.index, part=Opaque(NAME, raw(self._members))))


class _Spoken(BlockReader):
    """A block that is told piece by piece. Its unknown members travel with the first piece, for who writes it anew."""

    known: ClassVar[tuple[str, ...]] = ()

    def __init__(self, index: int, members: Members) -> None:
        super().__init__(index, members)
        self._extra = rest_of(members, "type", *self.known)
        self._told = False

    def _carried(self, unknown: Members | None) -> Extra | None:
        if self._told and not unknown:
            return None
        block = None if self._told else self._extra
        self._told = True
        return extra_of(block=block, delta=unknown)

    @override
    def merge(self, members: Members) -> None:
        super().merge(members)
        self._extra.update({name: self._members[name] for name in members if name not in self.known})


class TextBlock(_Spoken):
    """Text, with what it cites. Citations that came are told at the end, with the whole text."""

    piece_kind = "text_delta"
    known: ClassVar[tuple[str, ...]] = ("text",)

    def __init__(self, index: int, members: Members) -> None:
        super().__init__(index, members)
        self._citations = parse(members.get("citations"), list[Raw]) or []
        if self._citations:
            del self._extra["citations"]

    @override
    def start(self, out: list[Delta]) -> None:
        if text := parse(self._members.get("text"), str):
            self.piece(text, out)

    @override
    def piece(self, text: str, out: list[Delta], unknown: Members | None = None) -> None:
        if text or unknown:
            self._pieces.append(text)
            out.append(TextDelta(index=self.index, text=text, extra=self._carried(unknown)))

    @override
    def merge(self, members: Members) -> None:
        citation = members.pop("citation", None)
        if citation is not None:
            self._extra.pop("citations", None)
            self._citations.append(citation)
        super().merge(members)

    @override
    def end(self, out: list[Delta]) -> None:
        if self._citations or self._extra or not self._pieces:
            text = "".join(self._pieces)
            part = Text(text, read_citations(self._citations, text), extra_of(block=self._extra))
            out.append(PartDone(index=self.index, part=part))


class ThinkingBlock(_Spoken):
    """Thinking; the signature that seals it comes last."""

    piece_kind = "thinking_delta"
    known: ClassVar[tuple[str, ...]] = ("thinking", "signature")

    def __init__(self, index: int, members: Members, model: str) -> None:
        super().__init__(index, members)
        self._model = model

    @override
    def start(self, out: list[Delta]) -> None:
        if text := parse(self._members.get("thinking"), str):
            self.piece(text, out)

    @override
    def piece(self, text: str, out: list[Delta], unknown: Members | None = None) -> None:
        if text or unknown:
            self._pieces.append(text)
            out.append(ReasoningDelta(index=self.index, text=text, extra=self._carried(unknown)))

    @override
    def merge(self, members: Members) -> None:
        if "signature" in members:
            self._members["signature"] = members.pop("signature")
        super().merge(members)

    @override
    def end(self, out: list[Delta]) -> None:
        value = parse(self._members.get("signature"), str)
        if value or self._extra or not self._pieces:
            signature = signature_of(value, self._model) if value else None
            part = Reasoning("".join(self._pieces), signature, extra=extra_of(block=self._extra))
            out.append(PartDone(index=self.index, part=part))


class RedactedBlock(_Spoken):
    """Thinking that only its host can read."""

    piece_kind = ""
    known: ClassVar[tuple[str, ...]] = ("data",)

    def __init__(self, index: int, members: Members, model: str) -> None:
        super().__init__(index, members)
        self._model = model

    @override
    def end(self, out: list[Delta]) -> None:
        signature = signature_of(parse(self._members.get("data"), str) or "", self._model)
        part = Reasoning("", signature, redacted=True, extra=extra_of(block=self._extra))
        out.append(PartDone(index=self.index, part=part))


class CallBlock(_Spoken):
    """A call of a tool of the client's. One that was cut off, so that its input is no JSON, is never completed.

    A tool without arguments streams an empty input, or none, which means `{}`. Some hosts say the whole input at the
    start of the block.
    """

    piece_kind = "input_json_delta"
    is_call = True
    known: ClassVar[tuple[str, ...]] = ("id", "name", "input")

    @override
    def start(self, out: list[Delta]) -> None:
        out.append(
            ToolCallStarted(
                index=self.index,
                id=parse(self._members.get("id"), str) or "",
                name=parse(self._members.get("name"), str) or "",
                extra=self._carried(None),
            )
        )

    @override
    def piece(self, text: str, out: list[Delta], unknown: Members | None = None) -> None:
        if text or unknown:
            self._pieces.append(text)
            out.append(ToolCallDelta(index=self.index, arguments=text, extra=self._carried(unknown)))

    @override
    def end(self, out: list[Delta]) -> None:
        if not any(self._pieces):
            value = self._members.get("input", NULL)
            self.piece("{}" if value == NULL else bytes(value).decode(), out)
        if _is_json("".join(self._pieces)):
            out.append(ToolCallCompleted(index=self.index))


class SchemaBlock(TextBlock):
    """A call of the tool that stands for a schema: its arguments are the answer's text."""

    piece_kind = "input_json_delta"
    known: ClassVar[tuple[str, ...]] = ("id", "name", "input", "caller")

    @override
    def start(self, out: list[Delta]) -> None:
        pass

    @override
    def end(self, out: list[Delta]) -> None:
        value = self._members.get("input", NULL)
        if not self._pieces and value != NULL:
            self.piece(bytes(value).decode(), out)


class BoxedBlock(SchemaBlock):
    """The same where the answer is the argument `answer` of the call; it is told when it is whole."""

    @override
    def piece(self, text: str, out: list[Delta], unknown: Members | None = None) -> None:
        self._pieces.append(text)

    @override
    def end(self, out: list[Delta]) -> None:
        given = "".join(self._pieces).encode() or self._members.get("input", NULL)
        out.append(TextDelta(index=self.index, text=answer_tool.unboxed(bytes(given))))


def read_block(index: int, members: Members, model: str) -> BlockReader:
    """The reader for a block that begins so, in an answer of this model."""
    kind = parse(members.get("type"), str)
    match kind:
        case "text":
            return TextBlock(index, members)
        case "thinking":
            return ThinkingBlock(index, members, model)
        case "redacted_thinking":
            return RedactedBlock(index, members, model)
        case "tool_use":
            name = parse(members.get("name"), str)
            return {answer_tool.PLAIN: SchemaBlock, answer_tool.BOXED: BoxedBlock}.get(name or "", CallBlock)(
                index, members
            )
        case _:
            return BlockReader(index, members)


def signature_of(value: str, model: str) -> Signature:
    """A signature of this wire, or the one of another that was sealed in it."""
    return unwrap(value) or Signature(NAME, model, value)


def _is_json(text: str) -> bool:
    return parse(Raw(text.encode()), Members) is not None
