"""What a request must have and may have; every complaint names the member by its path."""

from typing import TypeVar

from msgspec import Raw

from podium.errors import InvalidRequest
from podium.wires.gemini.member import camel
from podium.wires.member import BROKEN, Members, decoder, is_null, parse

T = TypeVar("T")

_WORDS: dict[type, str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def optional(members: Members, name: str, kind: type[T], path: str = "") -> T | None:
    """A member as `kind`; None where absent or null."""
    value = members.get(name)
    if value is None or is_null(value):
        return None
    try:
        return decoder(kind)(value)
    except BROKEN:
        word = _WORDS.get(kind) or ("an object" if kind == Members else "a list")
        raise InvalidRequest(f"`{path}{name}` must be {word}.", param=path + name) from None


def required(members: Members, name: str, kind: type[T], path: str = "") -> T:
    """A member as `kind`, which must be there."""
    value = optional(members, name, kind, path)
    if value is None:
        raise InvalidRequest(f"`{path}{name}` is required.", param=path + name)
    return value


def inner(members: Members, name: str, path: str = "") -> Members:
    """The members of an object; none where it is absent."""
    return camel(optional(members, name, Members, path) or {})


def whole(members: Members, name: str, path: str = "") -> int | None:
    """A whole number, also where it is written with a point; clients in untyped languages send `100.0`."""
    number = parse(members.get(name), int)
    if number is not None:
        return number
    loose = optional(members, name, float, path)
    if loose is not None and not loose.is_integer():
        raise InvalidRequest(f"`{path}{name}` must be an integer.", param=path + name)
    return None if loose is None else int(loose)


def entry(value: Raw, path: str) -> Members:
    """The members of an entry of a list, which must be an object."""
    members = parse(value, Members)
    if members is None:
        raise InvalidRequest(f"`{path}` must be an object.", param=path)
    return camel(members)
