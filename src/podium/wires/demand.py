"""What a client's request must have and may have, in any dialect; every complaint names the member by its path."""

from typing import TypeVar

import msgspec

from podium.errors import InvalidRequest
from podium.wires.member import BROKEN, NULL, Members, decode_any, decode_members, decoder, mended

T = TypeVar("T")

_WORDS: dict[type, str] = {str: "a string", int: "an integer", float: "a number", bool: "true or false"}


def members_of(body: bytes) -> Members:
    """The members of a request's body, each as it was sent.

    Raises:
        InvalidRequest: the body is no JSON object, or holds what UTF-8 cannot.
    """
    try:
        body.decode()
        if b"\\ud" in body or b"\\uD" in body:
            decode_any(body)  # finds halves of surrogate pairs, which members left unparsed would carry along
        return decode_members(body)
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not UTF-8 (byte {error.start}).") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply.") from None
    except msgspec.ValidationError:
        raise InvalidRequest("The body must be a JSON object.") from None
    except msgspec.MsgspecError as error:
        if (whole := mended(body)) != body and _is_json(whole):
            raise InvalidRequest(
                "The body holds half of a surrogate pair, such as `\\ud800` alone, which is no character."
            ) from None
        raise InvalidRequest(f"The body is not JSON: {error}.") from None


def _is_json(data: bytes) -> bool:
    try:
        decode_any(data)
    except BROKEN:
        return False
    return True


def optional(members: Members, name: str, kind: type[T], path: str = "") -> T | None:
    """A member as `kind`; None where absent or null.

    Raises:
        InvalidRequest: it is of another kind.
    """
    value = members.get(name)
    if value is None or value == NULL:
        return None
    try:
        return decoder(kind)(value)
    except BROKEN:
        word = _WORDS.get(kind) or ("an object" if kind == Members else "a list")
        raise InvalidRequest(f"`{path}{name}` must be {word}.", param=path + name) from None


def required(members: Members, name: str, kind: type[T], path: str = "") -> T:
    """A member as `kind`, which must be there.

    Raises:
        InvalidRequest: it is not, or is of another kind.
    """
    value = optional(members, name, kind, path)
    if value is None:
        raise InvalidRequest(f"`{path}{name}` is required.", param=path + name)
    return value
