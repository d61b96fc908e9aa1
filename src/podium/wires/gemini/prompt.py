"""`systemInstruction` and `contents` of a request, from its lines."""

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.request import Line, Request, Source
from podium.wires.dialect import member_name
from podium.wires.gemini.line_reader import Group, read_contents
from podium.wires.gemini.line_writer import Content, LineWriter
from podium.wires.gemini.member import NAME, camel, put
from podium.wires.member import Members, parse, raw
from podium.wires.seal import is_foreign
from podium.wires.stranger import strange_message


class _Sent:
    """What was sent, by the lines that were read from it."""

    def __init__(self, source: Source | None) -> None:
        self.system: Raw | None = None
        self._system_line: Line | None = None
        self._groups: dict[int, tuple[Group, int]] = {}
        self._lines: tuple[Line, ...] = ()
        if source is None or not source.read.lines:
            return
        named, at = camel(source.members), 0
        self._lines = source.read.lines
        if self._lines and self._lines[0].role == "system":
            self.system, at = named.get("systemInstruction"), 1
            self._system_line = self._lines[0]
        for group in read_contents(named):
            if group.lines:
                self._groups[id(self._lines[at])] = (group, at)
                at += len(group.lines)

    def is_system(self, line: Line) -> bool:
        """Whether a line is the system instruction as it was sent."""
        return line is self._system_line

    def at(self, request: Request, at: int) -> Group | None:
        """The contents that say the lines from here on, if these are still all those that were read from them.

        And if a host of this wire takes them: not with signatures of another's.
        """
        found = self._groups.get(id(request.lines[at]))
        if found is None:
            return None
        group, start = found
        same = request.lines[at : at + len(group.lines)]
        read = self._lines[start : start + len(group.lines)]
        is_same = len(same) == len(read) and all(a is b for a, b in zip(same, read, strict=True))
        return group if is_same and not any(is_foreign(line, NAME) for line in same) else None


class Prompt:
    """Puts lines into contents. Contents whose lines are still those that were read go as they were sent."""

    def __init__(self, source: Source | None, writer: LineWriter) -> None:
        """`source`: what the request was read from, if that was this wire's."""
        self._sent = _Sent(source)
        self._is_ours = source is not None
        self._writer = writer
        self._system: list[Members | Raw] = []
        self._contents: list[Raw | Content] = []
        self._fresh: list[Content] = []

    def write(self, members: Members, request: Request) -> None:
        """Set the two members.

        Raises:
            Inexpressible: a part has no form here, or nothing is said in another dialect.
        """
        at, last = 0, len(request.lines) - 1
        while at < len(request.lines):
            at += self._add(request, at)
        self._writer.settle(self._fresh)
        if not self._is_ours and request.lines:
            self._writer.note_prefill(request.lines[last], last)
        if not self._contents and self._system:  # this wire wants a content
            self._writer.hoisted(request.lines[last], last)
            self._contents.append(raw({"role": "user", "parts": [self._system.pop()]}))
        if not self._contents and request.source is not None and not self._is_ours:
            raise Inexpressible(
                "The gemini wire takes no conversation in which nothing is said.",
                param=member_name(request, "lines"),
            )
        model = self._writer.model
        contents = [each if isinstance(each, Raw) else each.written(model) for each in self._contents]
        put(members, "systemInstruction", raw({"parts": self._system}) if self._system else None)
        put(members, "contents", raw(contents))

    def _add(self, request: Request, at: int) -> int:
        """Add the lines from here on that belong together; how many they are."""
        group = self._sent.at(request, at)
        if group is not None:
            self._writer.settle(self._fresh)
            self._fresh = []
            self._contents.extend(group.contents)
            return len(group.lines)
        line = request.lines[at]
        if (content := strange_message(line, NAME)) is not None:
            self._writer.settle(self._fresh)
            self._fresh = []
            self._contents.append(content)
            return 1
        if line.role in ("system", "developer"):
            self._add_system(line, at)
        else:
            before = len(self._fresh)
            self._writer.add(self._fresh, line, at)
            self._contents.extend(self._fresh[before:])
        return 1

    def _add_system(self, line: Line, at: int) -> None:
        if self._contents:
            self._writer.hoisted(line, at)
        if self._sent.is_system(line):
            self._system.extend(
                parse((parse(self._sent.system, Members) or {}).get("parts"), list[Raw]) or ()
            )
        else:
            self._system.extend(self._writer.system(line, at))
