"""Messages of a role that one dialect alone has: kept whole, for hosts of its wire to judge."""

from msgspec import Raw

from podium.vocabulary.part import Opaque, Part
from podium.vocabulary.request import Line
from podium.wires.member import Members, parse


def strange_line(wire: str, message: Raw) -> Line:
    """A message whose role the vocabulary has no word for."""
    return Line("user", (Opaque(wire, message),))


def strange_role(part: Part) -> str | None:
    """The role of the message that a part is; None where it is no more than a part."""
    if not isinstance(part, Opaque):
        return None
    return parse((parse(part.value, Members) or {}).get("role"), str)


def strange_message(line: Line, wire: str) -> Raw | None:
    """The message of this wire's dialect that a line is; None where its role is known."""
    for part in line.parts:
        if isinstance(part, Opaque) and part.wire == wire and strange_role(part) is not None:
            return part.value
    return None
