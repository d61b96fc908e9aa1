"""`system` and `messages` of a request, from its lines."""

from dataclasses import dataclass

import msgspec
from msgspec import Raw

from podium.vocabulary.part import Opaque, Part, Reasoning, Text
from podium.vocabulary.request import Line, Source
from podium.wires.anthropic.line_writer import LineWriter, Message
from podium.wires.anthropic.member import NAME
from podium.wires.anthropic.request_reader import read_lines
from podium.wires.member import Members, is_null, parse, raw
from podium.wires.seal import is_foreign


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message, or the system prompt, as it was sent, and the lines that were read from it."""

    value: Raw
    lines: tuple[Line, ...]
    is_system: bool

    def stands_at(self, lines: tuple[Line, ...], at: int) -> bool:
        """Whether its lines are those that stand there now, untouched, and a host of this wire takes them."""
        there = lines[at : at + len(self.lines)]
        is_same = len(there) == len(self.lines) and all(
            a is b for a, b in zip(there, self.lines, strict=True)
        )
        return is_same and not any(thought_elsewhere(line) for line in there)


def thought_elsewhere(line: Line) -> bool:
    """Whether a line holds thinking that no host of this wire has signed: all refuse it (`Invalid signature`)."""
    unsigned = any(isinstance(part, Reasoning) and part.signature is None for part in line.parts)
    return unsigned or is_foreign(line, NAME)


class Prompt:
    """Puts lines into messages. What is still as it was read goes as it was sent, whatever stands around it now."""

    def __init__(
        self, source: Source | None, writer: LineWriter, dropped: list[str], *, inline_system: bool
    ) -> None:
        """`inline_system`: whether the model takes system texts in mid-conversation."""
        self._writer = writer
        self._inline_system = inline_system
        self._dropped = dropped
        self._sent = {} if source is None or not source.read.lines else _sent(source)
        self._system: list[Raw] = []
        self._system_as_sent: Raw | None = None
        self._messages: list[Message | Raw] = []

    def write(self, members: Members, lines: tuple[Line, ...]) -> None:
        """Set the two members.

        Raises:
            Inexpressible: a part has no form here.
        """
        at = 0
        while at < len(lines):
            sent = self._sent.get(id(lines[at]))
            if sent is not None and sent.stands_at(lines, at):
                self._keep(sent)
                at += len(sent.lines)
            else:
                self._add(lines[at], at, last=at == len(lines) - 1)
                at += 1
        if not self._messages and self._system:  # this wire wants a message: the system's last word is it
            self._messages.append(Message("user", [self._system.pop()]))
            self._system_as_sent = None
            self._dropped.append(f"{self._writer.places.line(lines[-1], at - 1)}.role")
        members.pop("system", None)
        if self._system_as_sent is not None:
            members["system"] = self._system_as_sent
        elif self._system:
            members["system"] = _joined(self._system)
        members["messages"] = raw(
            [each.written() if isinstance(each, Message) else each for each in self._messages]
        )

    def _keep(self, sent: _Sent) -> None:
        if not sent.is_system:
            self._messages.append(sent.value)
            return
        self._system_as_sent = None if self._system else sent.value
        text = parse(sent.value, str)
        blocks = parse(sent.value, list[Raw]) if text is None else [raw({"type": "text", "text": text})]
        self._system.extend(blocks or ())

    def _add(self, line: Line, at: int, *, last: bool) -> None:
        if line.role in ("system", "developer") and not (self._messages and self._stays(line)):
            if self._messages:
                self._dropped.append(f"{self._writer.places.line(line, at)}.role")
            self._system_as_sent = None
            self._system.extend(self._writer.system(line, at))
            return
        parts = self._begun(line, at) if last and line.role == "assistant" else line.parts
        self._writer.add(self._messages, line, at, parts)

    def _stays(self, line: Line) -> bool:
        """A system text in mid-conversation stays where the model takes it, or where its blocks are known to this wire.

        Such a block is the addition of a tool.
        """
        own = any(isinstance(part, Opaque) and part.wire == NAME for part in line.parts)
        return own or self._inline_system

    def _begun(self, line: Line, at: int) -> tuple[Part, ...]:
        """The beginning of the answer, put into the model's mouth: this wire lets no such text end in white space."""
        if not line.parts or not isinstance(line.parts[-1], Text):
            return line.parts
        self._dropped.append(self._writer.places.line(line, at))
        text = line.parts[-1]
        return (*line.parts[:-1], msgspec.structs.replace(text, text=text.text.rstrip()))


def _sent(source: Source) -> dict[int, _Sent]:
    """Everything that was sent, by the first of the lines that were read from it."""
    system = source.members.get("system")
    values = parse(source.members.get("messages"), list[Raw]) or []
    given = [] if is_null(system) or system is None else [system]
    sent: dict[int, _Sent] = {}
    at = 0
    for group, value in zip(read_lines(source.members), [*given, *values], strict=True):
        lines = source.read.lines[at : at + len(group)]
        sent[id(lines[0])] = _Sent(value, lines, is_system=at < len(given))
        at += len(group)
    return sent


def _joined(blocks: list[Raw]) -> Raw:
    """A single plain text is a string."""
    if len(blocks) == 1:
        members = parse(blocks[0], Members) or {}
        if members.keys() == {"type", "text"}:
            return members["text"]
    return raw(blocks)
