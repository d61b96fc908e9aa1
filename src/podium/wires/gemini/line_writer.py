"""The contents of a request, written anew from the conversation's lines."""

import msgspec
from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import (
    Audio,
    Document,
    Extra,
    Image,
    Json,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
    Video,
)
from podium.vocabulary.request import Line, Request
from podium.wires.call_id import paired
from podium.wires.dialect import foreign_members
from podium.wires.gemini.call import write_arguments
from podium.wires.gemini.media import AnyMedia, check_address, write_media
from podium.wires.gemini.member import NAME, TRUE, level, mark
from podium.wires.gemini.signature import PLACEHOLDER, is_good, is_older
from podium.wires.member import Members, parse, raw
from podium.wires.place import Places, type_of
from podium.wires.retold import is_past, retold
from podium.wires.text_document import words_of


class Content:
    """A content in the making: whose it is, and its parts."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.parts: list[Members] = []

    def written(self, model: str) -> Raw:
        """Its JSON. Calls that nobody signed are marked as such for models that look for signatures."""
        calls = [part for part in self.parts if "functionCall" in part]
        if calls and not is_older(model) and not any("thoughtSignature" in part for part in self.parts):
            calls[0]["thoughtSignature"] = raw(PLACEHOLDER)
        return raw({"role": self.role, "parts": self.parts})


class LineWriter:
    """Writes lines as contents. `dropped` names what this wire has no way to say."""

    def __init__(self, model: str, request: Request, dropped: list[str]) -> None:
        """`model`: the one that is asked, whose signatures are good; `request`: the one whose lines these are."""
        self.model = model
        self._foreign = request.source is None or request.source.wire != NAME
        self._places = Places(request)
        self._dropped = dropped
        parts = [part for line in request.lines for part in line.parts]
        calls = [part for part in parts if isinstance(part, ToolCall)]
        self._names = {call.id: call.name for call in calls if call.id}
        self._called = {id(result): call.name for result, call in paired(parts) if call is not None}
        self._idless = {call.id for call in calls if mark(call.extra, "idless") is not None}
        self._shown: list[Members] = []

    def system(self, line: Line, at: int) -> list[Members]:
        """The parts of a system text that stands at this place among the lines.

        Raises:
            Inexpressible: it holds more than text.
        """
        for index, part in enumerate(line.parts):
            if not isinstance(part, Text):
                raise Inexpressible(
                    "The gemini wire takes only text for its system instruction.",
                    param=self._places.part(line, at, index),
                )
        self._note_foreign(line.extra)
        return [self._text(part) for part in line.parts if isinstance(part, Text) and part.text]

    def note_prefill(self, line: Line, at: int) -> None:
        """Take note of an answer that has been begun for the model: not every one goes on from there."""
        if line.role == "assistant" and not any(isinstance(part, ToolCall) for part in line.parts):
            self.hoisted(line, at)

    def hoisted(self, line: Line, at: int) -> None:
        """Take note of a system text that loses its place within the conversation, or is asked as the user's."""
        self._dropped.append(f"{self._places.line(line, at)}.role")

    def add(self, contents: list[Content], line: Line, at: int) -> None:
        """Add a line, which stands at `at`, to the contents, within the last of them if that is of the same role.

        Raises:
            Inexpressible: a part has no form here.
        """
        role = "model" if line.role == "assistant" else "user"
        if line.role != "tool":
            self.settle(contents)
        if line.name is not None:
            self._dropped.append(f"{self._places.line(line, at)}.name")
        if line.role != "assistant":
            self._note_foreign(line.extra)
        self._dropped.extend(self._places.loose_arguments(line, at))
        content = contents[-1] if contents and contents[-1].role == role else Content(role)
        if line.role == "user" and line.parts == (Text(""),):
            content.parts.append({"text": raw("")})
        for index, part in enumerate(line.parts):
            path = self._places.part(line, at, index)
            for each in retold(part, NAME, path, self._dropped):
                self._add_part(content, each, path, said=role == "model")
        if content.parts and (not contents or contents[-1] is not content):
            contents.append(content)

    def settle(self, contents: list[Content]) -> None:
        """Media of tools' results that have no place within them stand behind the last of these."""
        if self._shown and contents:
            contents[-1].parts.extend(self._shown)
        self._shown = []

    def _add_part(self, content: Content, part: Part, path: str, *, said: bool) -> None:
        match part:
            case Reasoning():
                self._think(content, part)
            case Opaque(wire=wire) if wire != NAME and said and is_past(part):
                self._dropped.append(path)
            case Text(text="") | Refusal(text=""):
                pass
            case _:
                content.parts.append(self._written(part, path))

    def _written(self, part: Part, path: str) -> Members:
        match part:
            case ToolCall():
                written = self._call(part)
            case ToolResult():
                written = self._result(part, path)
            case Text():
                written = self._text(part)
            case Image() | Audio() | Video() | Document():
                written = self._media(part, path)
            case Opaque(wire=wire, value=value) if wire == NAME:
                written = parse(value, Members) or {}
            case Opaque():
                raise Inexpressible(
                    f"A part of type {type_of(part)!r} is known to the wire {part.wire} alone.", param=path
                )
            case Json():
                written = {"text": raw(bytes(part.value).decode())}
            case _:
                written = {"text": raw(part.text)}
        return written

    def _text(self, part: Text) -> Members:
        self._note_foreign(part.extra)
        if any(each.extra is None or each.extra.wire != NAME for each in part.annotations):
            self._dropped.append("annotations")
        return {"text": raw(part.text), **level(part.extra, "part")}

    def _think(self, content: Content, part: Reasoning) -> None:
        """Thoughts go back to the model that signed them, or at least to its wire; others' are their own business."""
        own = part.signature is None and mark(part.extra, "thought") is not None
        good = part.signature is not None and is_good(part.signature, self.model)
        if not own and not good:
            self._dropped.append("reasoning")
            return
        sealed: Members = {}
        if part.signature is not None:
            sealed["thoughtSignature"] = raw(part.signature.value)
        rides = parse(mark(part.extra, "rides"), str)
        if rides == "before" and content.parts:
            content.parts[-1].update(sealed)
        elif rides in ("alone", "before"):
            content.parts.append({"text": raw(""), **sealed})
        elif rides == "bare":
            content.parts.append({"thought": TRUE, **sealed})
        else:
            content.parts.append(
                {"text": raw(part.text), "thought": TRUE, **level(part.extra, "part"), **sealed}
            )

    def _call(self, call: ToolCall) -> Members:
        said: Members = {}
        if call.id and call.id not in self._idless:
            said["id"] = raw(call.id)
        said["name"] = raw(call.name)
        said["args"] = write_arguments(call.arguments)
        part: Members = {"functionCall": raw({**said, **level(call.extra, "inner")})}
        part.update(level(call.extra, "part"))
        if call.signature is not None and is_good(call.signature, self.model):
            part["thoughtSignature"] = raw(call.signature.value)
        return part

    def _result(self, result: ToolResult, path: str) -> Members:
        self._note_foreign(result.extra)
        said: Members = {}
        if result.call_id and result.call_id not in self._idless:
            said["id"] = raw(result.call_id)
        name = result.name or self._called.get(id(result)) or self._names.get(result.call_id)
        said["name"] = raw(name or result.call_id or "unknown")
        parts = [each for part in result.parts for each in retold(part, NAME, path, self._dropped)]
        result = msgspec.structs.replace(result, parts=tuple(_in_words(part, path) for part in parts))
        media = [part for part in result.parts if isinstance(part, AnyMedia)]
        response = _response(result, path, seen=bool(media))
        if response is not None:
            said["response"] = response
        shown = [self._media(part, path) for part in media]
        shown.extend(parse(part.value, Members) or {} for part in result.parts if isinstance(part, Opaque))
        if shown and is_older(self.model):
            self._shown.extend(shown)
        elif shown:
            said["parts"] = raw(shown)
        said.update(level(result.extra, "inner"))
        return {"functionResponse": raw(said), **level(result.extra, "part")}

    def _media(self, part: AnyMedia, path: str) -> Members:
        self._note_foreign(part.extra)
        if isinstance(part, Image) and part.detail not in (None, "auto"):
            self._dropped.append("detail")
        if part.media.name is not None and "displayName" not in level(part.extra, "inner"):
            self._dropped.append("filename")
        if self._foreign:
            check_address(part, path)
        return write_media(part, path)

    def _note_foreign(self, extra: Extra | None) -> None:
        self._dropped.extend(name for name, _ in foreign_members(extra, NAME))


def _in_words(part: Part, path: str) -> Part:
    """A text document of another dialect as the text that it is: what a function gives back is an object of JSON."""
    if not isinstance(part, Document) or (part.extra is not None and part.extra.wire == NAME):
        return part
    words = words_of(part.media, path)
    return part if words is None else Text(words, extra=part.extra)


def _response(result: ToolResult, path: str, *, seen: bool) -> Raw | None:
    """What a function gave back as an object: its own, else its text under `output`, or `error`."""
    said = [part for part in result.parts if isinstance(part, Text | Refusal | Json)]
    for part in result.parts:
        if isinstance(part, Opaque) and part.wire != NAME:
            raise Inexpressible(
                f"A part of type {type_of(part)!r} is known to the wire {part.wire} alone.", param=path
            )
    if not said:
        if seen or mark(result.extra, "idless") is not None:
            return None
        return raw({"error" if result.is_error else "output": ""})
    only = said[0]
    if len(said) == 1 and isinstance(only, Json):
        if bytes(only.value)[:1] == b"{" and not result.is_error:
            return only.value
        return raw({"error" if result.is_error else "output": only.value})
    text = "".join(bytes(part.value).decode() if isinstance(part, Json) else part.text for part in said)
    return raw({"error" if result.is_error else "output": text})
