"""What a request asks of a model, in one form for three dialects.

A dialect's `read` gives an `Asked`. Two of them are the same question if their fields are equal; `unread` are members
that the form has no field for, `hints` words of small print inside messages and tools.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.outside.exchange import Json

_SPACE = re.compile(r"\s+")
_AWAY = "See what follows."
"""A result whose pictures stand behind it."""
_BOXES = ("result", "output", "content", "error")
_NUMBERED = ("null", "string", "number", "integer", "boolean", "array", "object")
_SMALL_PRINT = ("$schema", "title", "propertyOrdering", "property_ordering", "strict", "nullable")
_AS_IT_IS = ("enum", "default", "const", "example", "examples", "required")


@dataclass
class Turn:
    """What one side says until the other speaks. Media of tools' results count as said beside them."""

    role: str
    text: str = ""
    calls: list[Any] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not (self.text or self.calls or self.results or self.media or self.strange)

    def told(self) -> Json:
        return {
            "role": self.role,
            "text": self.text,
            "calls": self.calls,
            "results": sorted(self.results, key=str),
            "media": sorted(self.media),
            "strange": sorted(self.strange),
        }


@dataclass
class Asked:
    """A question. What is None was not said."""

    system: str = ""
    turns: list[Turn] = field(default_factory=list)
    tools: dict[str, Any] = field(default_factory=dict)
    choice: Any = None
    parallel: bool | None = None
    format: Any = None
    sampling: dict[str, Any] = field(default_factory=dict)
    effort: bool | None = None
    unread: set[str] = field(default_factory=set)
    hints: set[str] = field(default_factory=set)
    calls: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)

    def turn(self, role: str) -> Turn:
        """The turn that goes on, or a new one."""
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role))
        return self.turns[-1]

    def say_system(self, text: str) -> None:
        self.system += squeezed(text)

    def say(self, role: str, text: str) -> None:
        self.turn(role).text += squeezed(text)

    def show(self, role: str, key: str) -> None:
        self.turn(role).media.append(key)

    def call(self, call_id: str | None, name: Any, arguments: Any) -> None:
        at = len(self.names)
        self.names.append(name)
        if call_id:
            self.calls[call_id] = at
        self.turn("assistant").calls.append((name, arguments))

    def result(self, call_id: str | None, name: str | None, text: str) -> None:
        """A result, told by which call it answers: by its id, else the first of its name, else the first."""
        at = self.calls.get(call_id or "", -1)
        if at < 0:
            waiting = [n for n in range(len(self.names)) if n not in self.answered]
            named = [n for n in waiting if self.names[n] == name]
            at = next(iter(named or ([] if call_id else waiting)), -1)
        self.answered.add(at)
        self.turn("user").results.append((at, squeezed(text)))

    def told(self) -> Json:
        """All fields that can be compared."""
        turns: list[Turn] = []
        for each in self.turns:
            if each.nothing:
                continue
            if turns and turns[-1].role == each.role:
                _join(turns[-1], each)
            else:
                turns.append(each)
        return {
            "system": self.system,
            "turns": [each.told() for each in turns],
            "tools": self.tools,
            "choice": self.choice,
            "parallel": self.parallel,
            "format": self.format,
            **{f"sampling.{name}": value for name, value in self.sampling.items()},
            "effort": self.effort,
        }


def _join(into: Turn, more: Turn) -> None:
    into.text += more.text
    for name in ("calls", "results", "media", "strange"):
        getattr(into, name).extend(getattr(more, name))


def squeezed(text: str) -> str:
    """Text without its white space: what joins two texts makes no difference."""
    return _SPACE.sub("", text)


def key_of(value: str, *, inline: bool) -> str:
    """What tells one picture from another."""
    if inline:
        plain = value.translate(str.maketrans("-_", "+/")).rstrip("=")
        return hashlib.sha256(plain.encode()).hexdigest()[:16]
    return value


def url_key(url: str) -> str:
    """The key of a picture behind a URL, which may hold it."""
    if url.startswith("data:"):
        return key_of(url.partition(",")[2], inline=True)
    return url


def arguments_of(value: Any) -> Any:
    """A call's arguments as JSON; none are an empty object."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        return json.loads(text or "{}", parse_float=str, parse_int=str) or {}
    except ValueError:
        return text


def result_text(value: Any) -> str:
    """A result as text: an object is its JSON, without the box that Gemini wants around a text."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return "" if value == _AWAY else value
        if not isinstance(inner, dict | list):
            return value
        value = inner
    if isinstance(value, dict) and len(value) == 1 and (box := next(iter(value))) in _BOXES:
        return result_text(value[box])
    if value in (None, "", {}, []):
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def text_of(media_type: str | None, data: str) -> str | None:
    """The text of a file that is one; None for other media."""
    if not (media_type or "").startswith("text/"):
        return None
    plain = data.translate(str.maketrans("-_", "+/"))
    return base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("utf-8", "replace")


def url_text(url: str) -> str | None:
    """The same of a `data:` URL."""
    head, comma, data = url.partition(",")
    kind = head.removeprefix("data:").partition(";")[0]
    return text_of(kind, data) if comma and head.startswith("data:") else None


def schema_of(value: Any) -> Any:
    """A schema in JSON Schema's words: types in lower case, null among the types, without small print."""
    if isinstance(value, list):
        return [schema_of(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = dict(_said(name, each) for name, each in value.items() if name not in _SMALL_PRINT)
    if value.get("nullable") is True:
        _allow_null(found)
    if found.get("type") == ["object"] and not found.get("properties"):
        found.pop("properties", None)
    if not found.get("required"):
        found.pop("required", None)
    return found


def _said(name: str, value: Any) -> tuple[str, Any]:
    if name in ("properties", "$defs", "definitions", "defs") and isinstance(value, dict):
        return "$defs" if name == "defs" else name, {k: schema_of(v) for k, v in value.items()}
    if name == "type":
        return name, _types(value)
    if name in _AS_IT_IS:
        return name, value
    if name == "ref":
        return "$ref", value
    return _camel(name), int(value) if _is_count(name, value) else schema_of(value)


def _types(value: Any) -> list[str]:
    if isinstance(value, int):
        return [_NUMBERED[value]]
    return sorted(each.lower() for each in ([value] if isinstance(value, str) else value))


def _allow_null(found: Json) -> None:
    if "type" in found:
        found["type"] = sorted({*found["type"], "null"})
        if "enum" in found and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    elif "anyOf" in found:
        found["anyOf"] = [*found["anyOf"], {"type": ["null"]}]


def _is_count(name: str, value: Any) -> bool:
    return isinstance(value, str) and _camel(name)[:3] in ("min", "max") and value.isdigit()


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(each.title() for each in rest)


NO_PARAMETERS: tuple[Json, ...] = (
    {},
    {"type": ["object"]},
    {"type": ["object"], "additionalProperties": False},
)


def tool_of(description: Any, parameters: Any) -> Json:
    """A tool, told by what it does and takes."""
    schema = schema_of(parameters or {})
    return {
        "description": squeezed(description or ""),
        "schema": {} if schema in NO_PARAMETERS else schema,
    }
