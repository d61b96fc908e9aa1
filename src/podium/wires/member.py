"""JSON objects as their members, each still as it was sent; what every wire takes its JSON apart with."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar, cast

import msgspec
from msgspec import Raw

from podium.errors import InvalidRequest

Members = dict[str, Raw]
"""A JSON object whose values are not parsed yet."""

NULL = Raw(b"null")
BROKEN = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises on bytes that are not the JSON that was expected."""

T = TypeVar("T")

encode = msgspec.json.encode
decode_members = msgspec.json.Decoder(Members).decode
decode_list = msgspec.json.Decoder(list[Members]).decode
decode_raws = msgspec.json.Decoder(list[Raw]).decode
decode_text = msgspec.json.Decoder(str | None).decode
decode_string = msgspec.json.Decoder(str).decode
decode_any = msgspec.json.Decoder(Any).decode

_LONE_SURROGATE = re.compile(
    rb"(?<!\\)((?:\\\\)*)(?:"  # not behind an odd number of backslashes
    rb"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"  # a whole pair stays
    rb"|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def raw(value: object) -> Raw:
    """A value as JSON."""
    return Raw(encode(value))


def bare(text: str) -> bytes:
    """A string as JSON without its quotes."""
    return encode(text)[1:-1]


def is_null(value: Raw | None) -> bool:
    """Whether a member is absent or null, which wires never tell apart."""
    return value is None or value == NULL


def put(members: Members, name: str, value: Raw | None) -> None:
    """Set a member, or take it away."""
    if value is None:
        members.pop(name, None)
    else:
        members[name] = value


def parse(value: Raw | None, kind: type[T]) -> T | None:
    """A member as `kind`, or None where it is absent, null or of another type."""
    if value is None:
        return None
    try:
        return decoder(kind)(value)
    except BROKEN:
        return None


def string_at(members: Members, name: str, path: str) -> str:
    """A member that must be a string, of the object at `path`.

    Raises:
        InvalidRequest: it is none.
    """
    text = parse(members.get(name), str)
    if text is None:
        raise InvalidRequest(f"`{path}.{name}` must be a string.", param=f"{path}.{name}")
    return text


def object_at(members: Members, name: str, path: str) -> Members:
    """A member that must be an object, of the object at `path`.

    Raises:
        InvalidRequest: it is none.
    """
    inner = parse(members.get(name), Members)
    if inner is None:
        raise InvalidRequest(f"`{path}.{name}` must be an object.", param=f"{path}.{name}")
    return inner


def rest_of(members: Members, *known: str) -> Members:
    """The members that are not among those known."""
    return {name: value for name, value in members.items() if name not in known}


def _decoder(kind: type[T]) -> Callable[[bytes | Raw], T]:
    return msgspec.json.Decoder(kind).decode


class _Decoders(Protocol):
    def __call__(self, kind: type[T], /) -> Callable[[bytes | Raw], T]: ...


decoder = cast("_Decoders", cache(_decoder))
"""The function that decodes JSON as `kind`; a decoder is costly to make and is made once for each kind."""


def mended(data: bytes) -> bytes:
    r"""JSON whose lone halves of surrogate pairs (`\ud83d` alone, from hosts that cut texts apart) become U+FFFD."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return data
    return _LONE_SURROGATE.sub(lambda found: found[1] + (found[2] or rb"\ufffd"), data)


def on_one_line(data: bytes) -> bytes:
    """JSON without line breaks between its members, which would end the event that one of them is written into."""
    if b"\n" not in data and b"\r" not in data:
        return data
    return msgspec.json.format(data, indent=-1)


def appended(before: Raw | None, more: Raw) -> Raw:
    """What a member that comes again says in all: lists are put behind each other, else the last word counts."""
    if before is None or bytes(before)[:1] != b"[" or bytes(more)[:1] != b"[":
        return more
    return raw([*decode_raws(before), *decode_raws(more)])


def joined(pieces: Sequence[Raw]) -> Raw:
    """Objects as one, member by member as `appended` has it: the log probabilities of pieces become those of all."""
    merged: Members = {}
    for piece in pieces:
        for name, value in (parse(piece, Members) or {}).items():
            before = merged.get(name)
            merged[name] = before if before is not None and value == NULL else appended(before, value)
    return raw(merged)
