"""What is particular of this dialect's demands: two spellings of a name, whole numbers that do not look it."""

from msgspec import Raw

from podium.errors import InvalidRequest
from podium.wires.demand import optional
from podium.wires.gemini.member import camel
from podium.wires.member import Members, parse


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
