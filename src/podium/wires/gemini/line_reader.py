"""The contents of a client's request as lines.

Neighbouring contents of the model's are one line: the official SDK's chats send back each chunk of a stream as a
content of its own. A content of the user's is as many lines as its results of functions and the rest make runs.
"""

import itertools
from typing import NamedTuple

from msgspec import Raw
from msgspec.structs import replace

from podium.errors import InvalidRequest
from podium.vocabulary.part import Json, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from podium.vocabulary.request import Line
from podium.wires.demand import optional, required
from podium.wires.gemini.demand import entry, inner
from podium.wires.gemini.media import read_media
from podium.wires.gemini.member import NAME, TRUE, camel, extra_of, listed, mark
from podium.wires.gemini.signature import read_signature
from podium.wires.member import Members, is_null, parse, raw, rest_of
from podium.wires.stranger import strange_line

_ROLES = ("user", "model", "function")
_THOUGHT = ("thought", TRUE)
_IDLESS = ("idless", TRUE)
_DATA = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
"""What a part holds, of which Google knows one in each."""


class Group(NamedTuple):
    """Contents that belong together, and the lines that they say."""

    contents: tuple[Raw, ...]
    lines: tuple[Line, ...]


def read_system(members: Members) -> Line | None:
    """`systemInstruction` as a line.

    Raises:
        InvalidRequest: it is no content.
    """
    value = members.get("systemInstruction")
    if value is None or is_null(value):
        return None
    content = entry(value, "systemInstruction")
    parts = _Reader().parts(content, "systemInstruction")
    return Line("system", tuple(parts)) if parts else None


def read_contents(members: Members) -> list[Group]:
    """`contents` as lines.

    Raises:
        InvalidRequest: something in them is not understood; names the member by its path.
    """
    contents = listed(members.get("contents"))
    if contents is None:
        raise InvalidRequest("`contents` must be a list.", param="contents")
    reader = _Reader()
    read = [reader.content(value, f"contents[{at}]") for at, value in enumerate(contents)]
    groups: list[Group] = []
    for is_model, run in itertools.groupby(zip(contents, read, strict=True), lambda each: each[1][0]):
        if is_model:
            values, said = zip(*run, strict=True)
            parts = _joined([parts for _, parts in said])
            groups.append(Group(values, (Line("assistant", parts),)))
        else:
            groups.extend(Group((value,), _heard(parts)) for value, (_, parts) in run)
    return groups


def _heard(parts: list[Part]) -> tuple[Line, ...]:
    runs = itertools.groupby(parts, lambda part: isinstance(part, ToolResult))
    return tuple(Line("tool" if results else "user", tuple(run)) for results, run in runs)


def _joined(contents: list[list[Part]]) -> tuple[Part, ...]:
    """What a stream cut apart is put together: texts, thoughts, and the signature that came behind its thought."""
    joined: list[Part] = []
    for parts in contents:
        for at, part in enumerate(parts):
            last = joined[-1] if joined else None
            whole = _whole(last, part, between=at == 0)
            if whole is None:
                joined.append(part)
            else:
                joined[-1] = whole
    return tuple(joined)


def _whole(last: Part | None, part: Part, *, between: bool) -> Part | None:
    match last, part:
        case Text(extra=None), Text(extra=None) if between:
            return replace(last, text=last.text + part.text)
        case Reasoning(signature=None), Reasoning() if mark(part.extra, "rides") is None and (
            not part.redacted and (between or (part.signature is not None and not part.text))
        ):
            return replace(part, text=last.text + part.text)
    return None


class _Reader:
    """Reads the contents of one request."""

    def __init__(self) -> None:
        self._made = 0

    def content(self, value: Raw, path: str) -> tuple[bool, list[Part]]:
        """Whether the model says it, and what is said."""
        members = entry(value, path)
        role = optional(members, "role", str, f"{path}.") or "user"
        if role not in _ROLES:
            return False, list(strange_line(NAME, value).parts)
        return role == "model", self.parts(members, path)

    def parts(self, content: Members, path: str) -> list[Part]:
        """The parts of a content."""
        value = content.get("parts")
        if value is None or is_null(value):
            return []
        entries = listed(value)
        if entries is None:
            raise InvalidRequest(f"`{path}.parts` must be a list.", param=f"{path}.parts")
        return [part for at, each in enumerate(entries) for part in self._part(each, f"{path}.parts[{at}]")]

    def _part(self, value: Raw, path: str) -> list[Part]:
        members = entry(value, path)
        given = {name: each for name, each in members.items() if not is_null(each)}
        if not given:
            raise InvalidRequest(f"`{path}` must have a member, such as `text`.", param=path)
        held = [name for name in _DATA if name in given]
        if len(held) > 1:
            return self._split(given, held, path)
        if "functionCall" in given:
            return [self._call(given, path)]
        if "functionResponse" in given:
            return [self._result(given, path)]
        found: Part | None
        if "text" in given:
            found = _text(given, path)
        elif rest_of(given, "thought", "thoughtSignature"):
            found = read_media(given)
            if found is None:
                return [Opaque(NAME, value)]
        else:
            found = None
        return _sealed(found, given, path)

    def _split(self, members: Members, held: list[str], path: str) -> list[Part]:
        """A part that holds several data is as many; the signature stays with the last."""
        beside = rest_of(members, *held)
        parts: list[Part] = []
        for name in held:
            kept = beside if name == held[-1] else rest_of(beside, "thoughtSignature")
            parts.extend(self._part(raw({name: members[name], **kept}), path))
        return parts

    def _call(self, members: Members, path: str) -> ToolCall:
        said, path = inner(members, "functionCall", f"{path}."), f"{path}.functionCall."
        optional(said, "args", Members, path)
        args, call_id = said.get("args"), optional(said, "id", str, path)
        marks = () if call_id else (_IDLESS,)
        return ToolCall(
            id=call_id or self._next_id(),
            name=required(said, "name", str, path),
            arguments="{}" if args is None or is_null(args) else bytes(args).decode(),
            signature=read_signature(members.get("thoughtSignature"), path)[0],
            extra=extra_of(
                *marks,
                part=rest_of(members, "functionCall", "thoughtSignature"),
                inner=rest_of(said, "id", "name", "args"),
            ),
        )

    def _next_id(self) -> str:
        self._made += 1
        return f"call_{self._made - 1}"

    def _result(self, members: Members, path: str) -> ToolResult:
        said, path = inner(members, "functionResponse", f"{path}."), f"{path}.functionResponse."
        optional(said, "response", Members, path)
        name, call_id = required(said, "name", str, path), optional(said, "id", str, path)
        parts, is_error = _response(said.get("response"))
        for at, each in enumerate(listed(said.get("parts")) or ()):
            part = read_media(entry(each, f"{path}parts[{at}]"))
            parts.append(part if part is not None else Opaque(NAME, each))
        marks = () if call_id else (_IDLESS,)
        return ToolResult(
            call_id=call_id or "",
            parts=tuple(parts),
            is_error=is_error,
            name=name,
            extra=extra_of(
                *marks,
                part=rest_of(members, "functionResponse"),
                inner=rest_of(said, "id", "name", "response", "parts"),
            ),
        )


def _sealed(found: Part | None, members: Members, path: str) -> list[Part]:
    """A part with its signature, which the vocabulary has as reasoning without words where it is no thought's own."""
    signature, redacted = read_signature(members.get("thoughtSignature"), path)
    if isinstance(found, Reasoning):
        return [replace(found, signature=signature, redacted=redacted)]
    if signature is None and found is not None:
        return [found]
    rides = "bare" if found is None else "alone" if found == Text("") else "before"
    seal = Reasoning("", signature, redacted, extra_of(("rides", raw(rides))))
    return [found, seal] if found is not None and rides == "before" else [seal]


def _text(members: Members, path: str) -> Text | Reasoning:
    text = required(members, "text", str, f"{path}.")
    beside = rest_of(members, "text", "thought", "thoughtSignature")
    if members.get("thought") == TRUE:
        return Reasoning(text, extra=extra_of(_THOUGHT, part=beside))
    return Text(text, extra=extra_of(part=beside))


def _response(value: Raw | None) -> tuple[list[Part], bool]:
    """What a function gave back: Google has its text stand under `output`, or `error`."""
    if value is None or is_null(value):
        return [], False
    members = camel(parse(value, Members) or {})
    for name in ("output", "error"):
        text = parse(members.get(name), str)
        if text is not None and len(members) == 1:
            return [Text(text)], name == "error"
    return [Json(value)], False
