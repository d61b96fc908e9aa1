"""The messages of a request, written anew from the conversation's lines."""

from collections.abc import Iterable

from msgspec import Raw

from podium.errors import Inexpressible
from podium.vocabulary.part import (
    Extra,
    Image,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from podium.vocabulary.request import Line
from podium.wires.openai_chat.content import write_part, write_parts
from podium.wires.openai_chat.member import NAME, Members, level, parse, raw
from podium.wires.openai_chat.tool import is_legacy


def write_line(line: Line, path: str, dropped: list[str]) -> Iterable[Raw]:
    """The messages that say a line: one, but for tool results, of which each is a message.

    `dropped` is told of hints that this wire has no word for.

    Raises:
        Inexpressible: a part has no form here.
    """
    results = [part for part in line.parts if isinstance(part, ToolResult)]
    rest = tuple(part for part in line.parts if not isinstance(part, ToolResult))
    messages: list[Raw] = []
    shown: list[Raw] = []
    for at, result in enumerate(results):
        messages.append(_result(result, f"{path}.content[{at}]", line.extra, shown, dropped))
    if shown:
        messages.append(raw({"role": "user", "content": shown}))
    if line.role == "assistant":
        messages.append(_assistant(line, rest, path, dropped))
    elif rest or not results:
        messages.append(_plain(line, rest, path))
    return messages


def _plain(line: Line, parts: tuple[Part, ...], path: str) -> Raw:
    message: dict[str, object] = {"role": "user" if line.role == "tool" else line.role}
    message["content"] = write_parts(parts, f"{path}.content")
    if line.name is not None:
        message["name"] = line.name
    message.update(level(line.extra, "message"))
    return raw(message)


def _result(result: ToolResult, path: str, extra: Extra | None, shown: list[Raw], dropped: list[str]) -> Raw:
    """A tool's message takes text alone; pictures are `shown` in a message of the user's behind the last result."""
    texts = tuple(part for part in result.parts if not isinstance(part, Image))
    pictures = [part for part in result.parts if isinstance(part, Image)]
    if result.is_error:
        dropped.append("is_error")
    if pictures:
        shown.append(raw({"type": "text", "text": f"The result of the tool call {result.call_id}:"}))
        shown.extend(write_part(picture, path) for picture in pictures)
    content = write_parts(texts, path) if texts or not pictures else raw("See the picture that follows.")
    message: dict[str, object]
    if is_legacy(result.extra):
        message = {"role": "function", "name": result.name or "", "content": content}
    else:
        message = {"role": "tool", "tool_call_id": result.call_id, "content": content}
        if result.name is not None and extra is None:
            message["name"] = result.name
    message.update(level(extra, "message"))
    return raw(message)


class _Assistant:
    """An assistant's message in the making."""

    def __init__(self, path: str, dropped: list[str]) -> None:
        self._path, self._dropped = path, dropped
        self.beside: dict[str, object] = {}
        self.spoken: list[Part] = []
        self.refusal: str | None = None
        self.calls: list[Raw] = []

    def add(self, at: int, part: Part) -> None:
        match part:
            case Reasoning():
                _think(self.beside, part, self.spoken, self._dropped)
            case Refusal(text=text):
                self.refusal = (self.refusal or "") + text
            case ToolCall() if is_legacy(part.extra):
                self.beside["function_call"] = {"name": part.name, "arguments": part.arguments}
            case ToolCall():
                self.calls.append(_call(part))
            case Text() | Opaque():
                self.spoken.append(part)
            case _:
                raise Inexpressible(
                    "The openai_chat wire takes only text, refusals and tool calls from the assistant.",
                    param=f"{self._path}.content[{at}]",
                )


def _assistant(line: Line, parts: tuple[Part, ...], path: str, dropped: list[str]) -> Raw:
    made = _Assistant(path, dropped)
    for at, part in enumerate(parts):
        if part != Text("") or len(parts) == 1:
            made.add(at, part)
    silent = bool(made.calls) or made.refusal is not None or "function_call" in made.beside
    message: dict[str, object] = {
        "role": "assistant",
        "content": _spoken(tuple(made.spoken), f"{path}.content", silent=silent),
        **made.beside,
    }
    if made.refusal is not None:
        message["refusal"] = made.refusal
    if made.calls:
        message["tool_calls"] = made.calls
    if line.name is not None:
        message["name"] = line.name
    message.update(level(line.extra, "message"))
    return raw(message)


def _spoken(parts: tuple[Part, ...], path: str, *, silent: bool) -> Raw:
    """Plain texts become one string, which every host takes, where a list of parts is not everywhere understood."""
    if not parts:
        return raw(None) if silent else raw("")
    if all(isinstance(part, Text) and part.extra is None for part in parts):
        return raw("".join(part.text for part in parts if isinstance(part, Text)))
    return write_parts(parts, path)


def _think(message: dict[str, object], part: Reasoning, spoken: list[Part], dropped: list[str]) -> None:
    """Reasoning goes back only in the member in which this wire brought it: hosts refuse members of others."""
    extra = part.extra if part.extra is not None and part.extra.wire == NAME else None
    if extra is None:
        dropped.append("reasoning")
        return
    name = parse(extra.members.get("reasoning"), str)
    if name == "content":
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
        spoken.append(Opaque(NAME, raw(thinking)))
    elif name is not None:
        before = message.get(name)
        message[name] = (before if isinstance(before, str) else "") + part.text
    message.update(level(extra, "message"))


def _call(call: ToolCall) -> Raw:
    inner: Members = {"name": raw(call.name)}
    inner["input" if call.kind == "custom" else "arguments"] = raw(call.arguments)
    inner.update(level(call.extra, "function"))
    outer = level(call.extra, "call")
    outer.pop("index", None)  # of the answer that it stood in
    return raw({"id": call.id, "type": call.kind, call.kind: inner, **outer})
