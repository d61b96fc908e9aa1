"""What a request means, in a form that no wire has: the three dialects are brought to it, each by its own module.

It is read from JSON alone, the client's and the host's, and knows nothing of the wires that are judged by it.
"""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Json = dict[str, Any]

NOTHING: tuple[Any, ...] = (None, {}, [], "", False)


class Media(NamedTuple):
    """Bytes by their hash, or where they are, or a text document's text; `mime` is empty where it is not told."""

    mime: str
    where: str


class Call(NamedTuple):
    """A call of a tool, the `number`th of the conversation."""

    number: int
    name: str
    arguments: Any


class Result(NamedTuple):
    """What the call of this number gave back."""

    number: int
    text: Any
    media: tuple[Media, ...]
    is_error: bool


class Foreign(NamedTuple):
    """What one dialect alone knows."""

    kind: str


Item = str | Media | Call | Result | Foreign


@dataclass
class Turn:
    """What one speaker says until another speaks: `system`, `user` (who brings the results of tools too), `model`."""

    role: str
    items: list[Item] = field(default_factory=list)


class Tool(NamedTuple):
    """A tool of the client's own."""

    name: str
    description: str
    schema: Any


@dataclass
class Form:
    """The meaning of a request.

    `instructed`: the shape of the answer is told in words alone. `unread` names the members that have no place here,
    by their last name: hints, or what only their wire knows. `beyond` are the things said that not every wire can say.
    """

    turns: list[Turn] = field(default_factory=list)
    tools: dict[str, Tool] = field(default_factory=dict)
    mode: str = "auto"
    names: frozenset[str] | None = None
    parallel: bool = True
    schema: Any = None
    instructed: bool = False
    drawn: dict[str, Any] = field(default_factory=dict)
    effort: int | None = None
    unread: list[str] = field(default_factory=list)
    beyond: set[str] = field(default_factory=set)

    def say(self, role: str, items: list[Item]) -> None:
        """Add what is said; empty texts say nothing, and neighbouring texts of the model's are one."""
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role))
        kept = self.turns[-1].items
        for item in items:
            if role == "model" and isinstance(item, str) and kept and isinstance(kept[-1], str):
                kept[-1] += item
            elif item != "":
                kept.append(item)

    def rest(self, members: Json, known: tuple[str, ...] | set[str]) -> None:
        """Note the members that are not known and say something."""
        self.unread.extend(k for k, v in members.items() if k not in known and v not in NOTHING)


class Ids:
    """Calls by number: results name them by id, or by name, or not at all."""

    def __init__(self) -> None:
        self._made = 0
        self._open: list[tuple[int, str, str]] = []

    def call(self, call_id: str, name: str) -> int:
        """The number of a call."""
        self._open.append((self._made, call_id, name))
        self._made += 1
        return self._made - 1

    def result(self, call_id: str, name: str) -> int:
        """The number of the call that a result belongs to; -1 if to none."""
        same = [each for each in self._open if call_id and each[1] == call_id and name in ("", each[2])]
        same = same or [each for each in self._open if not call_id and each[2] == name]
        same = same or [each for each in self._open if not call_id]
        if not same:
            return -1
        self._open.remove(same[0])
        return same[0][0]


_SAME_MIME = {"audio/mp3": "audio/mpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"} | {
    "image/jpg": "image/jpeg"
}


def inline(data: str, mime: str) -> Media:
    """Bytes in base64, of whichever alphabet."""
    standard = data.translate(str.maketrans("-_", "+/")).rstrip("=")
    mime = mime.partition(";")[0].lower()
    return Media(_SAME_MIME.get(mime, mime), hashlib.sha256(standard.encode()).hexdigest()[:16])


TEXT = "text/plain"


def text_document(data: str) -> Media:
    """A text document in base64: its text."""
    return Media(TEXT, base64.b64decode(data.translate(str.maketrans("-_", "+/")) + "==").decode())


def loose(text: str) -> Any:
    """A result's text; an object's layout is no part of what it says."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def exact(arguments: str) -> Any:
    """A call's arguments as a value, if they are one."""
    try:
        return json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        return {"input": arguments}


def plain_schema(schema: Any) -> Any:
    """A schema with Google's spelling of types and numbers undone; what is in no way limited is any object."""
    if not isinstance(schema, dict) or not schema:
        return {"type": "object", "properties": {}}
    plain = _plain(schema)
    plain.setdefault("type", "object")
    if plain["type"] == "object":
        plain.setdefault("properties", {})
    return plain


_TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
_COUNTS = {"minItems", "maxItems", "minLength", "maxLength"}
_SPELLED = {"any_of": "anyOf", "max_items": "maxItems", "min_items": "minItems", "ref": "$ref"} | {
    "property_ordering": "propertyOrdering"
}


def _plain(value: Any, *, named: bool = False) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if named:
        return {name: _plain(each) for name, each in value.items()}
    plain: Json = {}
    for given, each in value.items():
        name = str(_SPELLED.get(given, given))
        if name == "type" and isinstance(each, str) and each in _TYPES:
            plain[name] = each.lower()
        elif name in _COUNTS and isinstance(each, str):
            plain[name] = int(each)
        elif name in ("enum", "default", "const", "example", "required"):
            plain[name] = each
        else:
            plain[name] = _plain(each, named=name in ("properties", "$defs", "defs", "definitions"))
    return plain


_RANKS = {"none": 0, "minimal": 1, "low": 2, "medium": 3, "high": 4, "xhigh": 5, "max": 5}
_BUDGETS = ((0, 0), (1_024, 1), (4_096, 2), (16_384, 3), (32_000, 4))
ANY_EFFORT = 9


def effort_of(level: str | None, tokens: int | None) -> int | None:
    """How much the model may think, from none (0) to all it can (5); `ANY_EFFORT` is as much as it likes."""
    if tokens is not None and tokens >= 0:
        return next((rank for most, rank in _BUDGETS if tokens <= most), 5)
    if tokens is not None:
        return ANY_EFFORT
    return None if level is None else _RANKS.get(level.lower(), ANY_EFFORT)


_ANSWER = "podium_answer"
_BOXED = "podium_boxed_answer"
_ANY_OBJECT = {"type": "object", "additionalProperties": True, "properties": {}}
_ALONE = "whole answer as its input."


_BY_SCHEMA = "Answer with JSON alone, without any other words, that is valid by this JSON schema: "
_BY_WORD = "Answer with a single JSON object and with nothing besides it."


def read_instruction(form: Form) -> None:
    """The system's last words, if they stand for a schema."""
    said = form.turns[0].items if form.turns and form.turns[0].role == "system" else []
    last = said[-1] if said else None
    if not isinstance(last, str) or not (last == _BY_WORD or last.startswith(_BY_SCHEMA)):
        return
    form.schema = "any" if last == _BY_WORD else plain_schema(json.loads(last.removeprefix(_BY_SCHEMA)))
    form.instructed = True
    said.pop()


def read_answer_tool(form: Form) -> None:
    """The tool whose call is the answer stands for a schema: it must be called, or one of the client's own."""
    for name in (_ANSWER, _BOXED):
        tool = form.tools.pop(name, None)
        if tool is None:
            continue
        schema = tool.schema
        if name == _BOXED:
            box = {key: value for key, value in schema.items() if key in ("$defs", "definitions", "$schema")}
            schema = {**schema["properties"]["answer"], **box}
        if not tool.description.endswith(_ALONE):
            form.unread.append("description")
        form.schema = "any" if schema == _ANY_OBJECT else plain_schema(schema)
        form.mode = "none" if form.names == frozenset([name]) and form.tools else "auto"
        form.names = None
