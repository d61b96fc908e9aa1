"""The messages of a request, written anew from the conversation's lines."""

import re
from dataclasses import dataclass, field

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import Extra, Opaque, Part, Reasoning, Signature, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line, Request
from podium.wires.anthropic.block_writer import write_call, write_thinking
from podium.wires.anthropic.content import write_part
from podium.wires.anthropic.member import NAME, level
from podium.wires.call_id import CallIds, digest
from podium.wires.dialect import foreign_members
from podium.wires.member import Members, parse, raw
from podium.wires.place import Places
from podium.wires.retold import is_past
from podium.wires.stranger import strange_message

_CACHE = "cache_control"
_INVALID = re.compile(r"[^a-zA-Z0-9_-]")
_DATED = re.compile(r"[-@](20\d{6}|latest)$")


def _valid(call_id: str) -> str:
    """Letters, digits, `_` and `-`."""
    if not _INVALID.search(call_id):
        return call_id
    return f"{_INVALID.sub('_', call_id)}_{digest(call_id, 8)}"


@dataclass
class Message:
    """A message in the making: whose it is, and its blocks."""

    role: str
    blocks: list[Raw] = field(default_factory=list)
    results: int = 0
    beside: Members = field(default_factory=dict)

    def written(self) -> Raw:
        """Its JSON; a single plain text is a string."""
        content: object = self.blocks
        if len(self.blocks) == 1:
            members = parse(self.blocks[0], Members) or {}
            if members.keys() == {"type", "text"}:
                content = members["text"]
        return raw({"role": self.role, "content": content, **self.beside})


class LineWriter:
    """Writes lines as messages. `dropped` names what this wire has no way to say."""

    def __init__(self, model: str, request: Request, *, own_files: bool, dropped: list[str]) -> None:
        """`model`: the one that is asked, whose signatures are good; `request`: the one whose lines these are.

        `own_files`: whether file ids are this wire's.
        """
        self.places = Places(request)
        self._model = model
        self._own_files = own_files
        self._dropped = dropped
        self._ids = CallIds(request.lines, _valid)

    def system(self, line: Line, at: int) -> list[Raw]:
        """The blocks of a system text that stands at this place among the lines.

        Raises:
            Inexpressible: it holds more than text.
        """
        blocks = []
        for index, part in enumerate(line.parts):
            place = self.places.part(line, at, index)
            own = isinstance(part, Opaque) and part.wire == NAME
            if not isinstance(part, Text) and not own:
                raise Inexpressible("The anthropic wire takes only text for its system prompt.", param=place)
            if part != Text(""):
                blocks.append(self._part(part, place))
        return blocks

    def add(self, messages: list[Message | Raw], line: Line, at: int, parts: tuple[Part, ...]) -> None:
        """Add the parts of a line, which stands at `at`, within the last message if that is of the same role.

        Raises:
            Inexpressible: a part has no form here.
        """
        if (message := strange_message(line, NAME)) is not None:
            messages.append(message)
            return
        role = {"assistant": "assistant", "system": "system", "developer": "system"}.get(line.role, "user")
        if line.name is not None:
            self._dropped.append(f"{self.places.line(line, at)}.name")
        self._note_foreign(line.extra)
        self._dropped.extend(self.places.loose_arguments(line, at))
        blocks: list[Raw] = []
        results: list[Raw] = []
        for index, part in enumerate(parts):
            place = self.places.part(line, at, index)
            if isinstance(part, ToolResult):
                results.append(self._result(part, place))
            else:
                blocks.extend(self._said(part, place) if role == "assistant" else self._heard(part, place))
        if not blocks and not results:
            return
        last = messages[-1] if messages else None
        if not isinstance(last, Message) or last.role != role:
            last = Message(role)
            messages.append(last)
        last.blocks[last.results : last.results] = results
        last.results += len(results)
        last.blocks.extend(blocks)
        last.beside.update(level(line.extra, "message"))

    def _heard(self, part: Part, path: str) -> list[Raw]:
        if isinstance(part, Text) and not part.text:
            return []
        return [self._part(part, path)]

    def _said(self, part: Part, path: str) -> list[Raw]:
        """What the assistant said. Reasoning and blocks of other hosts do not come back to this one."""
        match part:
            case Reasoning():
                return self._thought(part)
            case ToolCall():
                self._note_foreign(part.extra)
                return [write_call(part, self._ids.of_call(part))]
            case Text(text="") if not part.annotations:
                return []
            case Opaque(wire=wire) if wire != NAME and is_past(part):
                self._dropped.append(path)
                return []
            case _:
                return [self._part(part, path)]

    def _thought(self, part: Reasoning) -> list[Raw]:
        if part.signature is None or not self._is_good(part.signature):
            self._dropped.append("reasoning")
            return []
        return [write_thinking(part)]

    def _is_good(self, signature: Signature) -> bool:
        """A signature is good for the model that made it; a host tells that one with the date of its making."""
        if signature.wire != NAME:
            return False
        made = _DATED.sub("", signature.model)
        return not made or made == _DATED.sub("", self._model.rpartition("/")[2])

    def _result(self, result: ToolResult, path: str) -> Raw:
        self._note_foreign(result.extra)
        members: dict[str, object] = {"type": "tool_result", "tool_use_id": self._ids.of_result(result)}
        parts = [part for part in result.parts if part != Text("")]
        if len(parts) == 1 and isinstance(parts[0], Text) and parts[0].extra is None:
            members["content"] = parts[0].text
        elif parts:
            members["content"] = [self._part(part, path) for part in parts]
        if result.is_error:
            members["is_error"] = True
        return raw({**members, **level(result.extra, "block")})

    def _part(self, part: Part, path: str) -> Raw:
        extra = getattr(part, "extra", None)
        self._note_foreign(extra)
        if getattr(part, "detail", None) not in (None, "auto"):
            self._dropped.append("detail")
        if isinstance(part, Text) and any(a.extra is None or a.extra.wire != NAME for a in part.annotations):
            self._dropped.append("annotations")
            part = Text(part.text, extra=part.extra)
        return with_cache_hint(write_part(part, path, own_files=self._own_files), extra)

    def _note_foreign(self, extra: Extra | None) -> None:
        self._dropped.extend(unknown_hints(extra))


def unknown_hints(extra: Extra | None) -> list[str]:
    """The names of the members of another wire's `Extra` that mean nothing on this one."""
    return [name for name, _ in foreign_members(extra, NAME) if name != _CACHE]


def with_cache_hint(block: Raw, extra: Extra | None) -> Raw:
    """A block with the `cache_control` that other dialects have borrowed from this wire."""
    hint = next((value for name, value in foreign_members(extra, NAME) if name == _CACHE), None)
    return block if hint is None else raw({**(parse(block, Members) or {}), _CACHE: hint})
