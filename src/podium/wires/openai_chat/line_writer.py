"""The messages of a request, written anew from the conversation's lines."""

import re
from collections.abc import Callable

from msgspec import Raw

from podium.catalogue.endpoint import Endpoint
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
from podium.wires.call_id import CallIds, digest
from podium.wires.dialect import foreign_members, member_name
from podium.wires.openai_chat.content import write_part, write_parts
from podium.wires.openai_chat.foreign import adopted, is_foreign
from podium.wires.openai_chat.member import NAME, Members, level, parse, raw
from podium.wires.openai_chat.tool import is_legacy
from podium.wires.place import Places
from podium.wires.retold import is_past, retold
from podium.wires.stranger import strange_message

_LONGEST_ID = 40
_LETTERS_AND_DIGITS = re.compile(r"[a-zA-Z0-9]+")
_SEE_BELOW = "See what follows."


def _valid(call_id: str) -> str:
    """At most 40 characters, as OpenAI wants it."""
    return call_id if len(call_id) <= _LONGEST_ID else f"{call_id[: _LONGEST_ID - 9]}_{digest(call_id, 8)}"


def _valid_of(length: int) -> Callable[[str], str]:
    """So many letters and digits."""

    def valid(call_id: str) -> str:
        fits = len(call_id) == length and _LETTERS_AND_DIGITS.fullmatch(call_id)
        return call_id if fits else digest(call_id, length)

    return valid


class LineWriter:
    """Writes lines as messages. `dropped` names what this wire has no way to say.

    The results of calls stand right behind the message that makes these, the media of results behind the last of them,
    then what the user says.
    """

    def __init__(self, request: Request, endpoint: Endpoint, dropped: list[str]) -> None:
        """`request`: the one whose lines these are; `endpoint`: the host that they are for."""
        self._foreign = request.source is not None and request.source.wire != NAME
        self._lines = request.lines
        self._all = member_name(request, "lines")
        self._places = Places(request)
        self._dropped = dropped
        length = endpoint.call_id_length
        self._ids = CallIds(request.lines, _valid if length is None else _valid_of(length))
        self._messages: list[Raw] = []
        self._results: list[Raw] = []
        self._shown: list[Raw] = []
        self._heard: list[Raw] = []

    def keep(self, line: Line, message: Raw) -> None:
        """Add a message as it was sent, which is this line."""
        if line.role == "tool" and not self._heard:
            self._results.append(message)
            return
        self._settle()
        self._messages.append(message)

    def add(self, line: Line, at: int) -> None:
        """Add the messages that say a line, which stands at `at`.

        Raises:
            Inexpressible: a part has no form here.
        """
        if (message := strange_message(line, NAME)) is not None:
            self.keep(line, message)
            return
        self._dropped.extend(name for name, _ in foreign_members(line.extra, NAME))
        if line.role == "assistant":
            self._settle()
            self._messages.append(self._assistant(line, at))
            return
        heard: list[tuple[Part, str]] = []
        for index, part in enumerate(line.parts):
            path = self._places.part(line, at, index)
            if isinstance(part, ToolResult):
                self._results.append(self._result(part, path, line.extra))
            else:
                heard.extend((each, path) for each in self._adopted(part, path))
        if heard or not line.parts:
            self._heard.append(self._plain(line, at, heard))

    def note_prefill(self) -> None:
        """Take note of an answer that has been begun for the model: not every one goes on from there."""
        last = self._lines[-1] if self._lines else None
        if last is None or last.role != "assistant" or any(isinstance(part, ToolCall) for part in last.parts):
            return
        self._dropped.append(f"{self._places.line(last, len(self._lines) - 1)}.role")

    def written(self) -> Raw:
        """The messages.

        Raises:
            Inexpressible: there is none, and the request is of another dialect.
        """
        self._settle()
        if not self._messages and self._foreign:
            raise Inexpressible(
                "The openai_chat wire takes no conversation in which nothing is said.", param=self._all
            )
        return raw(self._messages)

    def _settle(self) -> None:
        self._messages.extend(self._results)
        if self._shown:
            self._messages.append(raw({"role": "user", "content": self._shown}))
        self._messages.extend(self._heard)
        self._results, self._shown, self._heard = [], [], []

    def _adopted(self, part: Part, path: str) -> list[Part]:
        return [
            adopted(each, path, self._dropped) if self._foreign or is_foreign(each) else each
            for each in retold(part, NAME, path, self._dropped)
        ]

    def _plain(self, line: Line, at: int, heard: list[tuple[Part, str]]) -> Raw:
        parts = tuple(part for part, _ in heard)
        role = "user" if line.role == "tool" else line.role
        if self._foreign and role != "user" and not all(isinstance(part, Text) for part in parts):
            raise Inexpressible(
                "The openai_chat wire takes only text from the system.", param=self._places.line(line, at)
            )
        message: dict[str, object] = {"role": role}
        message["content"] = write_parts(parts, lambda index: heard[index][1])
        if line.name is not None:
            message["name"] = line.name
        message.update(level(line.extra, "message"))
        return raw(message)

    def _result(self, result: ToolResult, path: str, extra: Extra | None) -> Raw:
        """A tool's message takes text alone; media are shown in a message of the user's behind the last result."""
        self._dropped.extend(name for name, _ in foreign_members(result.extra, NAME))
        call_id = "" if is_legacy(result.extra) else self._ids.of_result(result)
        parts = [each for part in result.parts for each in self._adopted(part, path)]
        media = [part for part in parts if isinstance(part, Image | Audio | Video | Document)]
        texts = tuple(part for part in parts if not isinstance(part, Image | Audio | Video | Document))
        if result.is_error:
            self._dropped.append("is_error")
        if media:
            self._shown.append(raw({"type": "text", "text": f"The result of the tool call {call_id}:"}))
            self._shown.extend(write_part(each, path) for each in media)
        content = write_parts(texts, lambda _: path) if texts or not media else raw(_SEE_BELOW)
        message: dict[str, object]
        if is_legacy(result.extra):
            message = {"role": "function", "name": result.name or "", "content": content}
        else:
            message = {"role": "tool", "tool_call_id": call_id, "content": content}
            if result.name is not None and extra is None and not (self._foreign or is_foreign(result)):
                message["name"] = result.name
        message.update(level(extra, "message"))
        return raw(message)

    def _assistant(self, line: Line, at: int) -> Raw:
        made = _Assistant(self._ids, self._dropped)
        for index, part in enumerate(line.parts):
            if part != Text("") or len(line.parts) == 1:
                path = self._places.part(line, at, index)
                for each in self._adopted(part, path):
                    made.add(each, path)
        return made.written(line, self._places.line(line, at))


class _Assistant:
    """An assistant's message in the making."""

    def __init__(self, ids: CallIds, dropped: list[str]) -> None:
        self._ids, self._dropped = ids, dropped
        self._beside: dict[str, object] = {}
        self._spoken: list[Part] = []
        self._refusal: str | None = None
        self._calls: list[Raw] = []

    def add(self, part: Part, path: str) -> None:
        """Add a part. Reasoning and blocks of other hosts do not come back to this one."""
        match part:
            case Reasoning():
                self._think(part)
            case Refusal(text=text):
                self._refusal = (self._refusal or "") + text
            case ToolCall() if is_legacy(part.extra):
                self._beside["function_call"] = {"name": part.name, "arguments": part.arguments}
            case ToolCall():
                self._calls.append(_call(part, self._ids.of_call(part)))
            case Opaque(wire=wire) if wire != NAME and is_past(part):
                self._dropped.append(path)
            case Opaque(wire=wire) if wire != NAME:
                raise Inexpressible(f"This part is known to the wire {wire} alone.", param=path)
            case Text() | Opaque():
                self._spoken.append(part)
            case Json(value=value):
                self._spoken.append(Text(bytes(value).decode()))
            case _:
                raise Inexpressible(
                    "The openai_chat wire takes only text, refusals and tool calls from the assistant.",
                    param=path,
                )

    def written(self, line: Line, path: str) -> Raw:
        """The message."""
        silent = bool(self._calls) or self._refusal is not None or "function_call" in self._beside
        message: dict[str, object] = {
            "role": "assistant",
            "content": _spoken(tuple(self._spoken), path, silent=silent),
            **self._beside,
        }
        if self._refusal is not None:
            message["refusal"] = self._refusal
        if self._calls:
            message["tool_calls"] = self._calls
        if line.name is not None:
            message["name"] = line.name
        message.update(level(line.extra, "message"))
        return raw(message)

    def _think(self, part: Reasoning) -> None:
        """Reasoning goes back only in the member in which this wire brought it: hosts refuse members of others."""
        extra = part.extra if part.extra is not None and part.extra.wire == NAME else None
        if extra is None:
            self._dropped.append("reasoning")
            return
        name = parse(extra.members.get("reasoning"), str)
        if name == "content":
            thinking = {"type": "thinking", "thinking": [{"type": "text", "text": part.text}]}
            self._spoken.append(Opaque(NAME, raw(thinking)))
        elif name is not None:
            before = self._beside.get(name)
            self._beside[name] = (before if isinstance(before, str) else "") + part.text
        self._beside.update(level(extra, "message"))


def _spoken(parts: tuple[Part, ...], path: str, *, silent: bool) -> Raw:
    """Plain texts become one string, which every host takes, where a list of parts is not everywhere understood."""
    if not parts:
        return raw(None) if silent else raw("")
    if all(isinstance(part, Text) and (part.extra is None or part.extra.wire != NAME) for part in parts):
        return raw("".join(part.text for part in parts if isinstance(part, Text)))
    return write_parts(parts, lambda _: path)


def _call(call: ToolCall, call_id: str) -> Raw:
    inner: Members = {"name": raw(call.name)}
    inner["input" if call.kind == "custom" else "arguments"] = raw(call.arguments)
    inner.update(level(call.extra, "function"))
    outer = level(call.extra, "call")
    outer.pop("index", None)  # of the answer that it stood in
    return raw({"id": call_id, "type": call.kind, call.kind: inner, **outer})
