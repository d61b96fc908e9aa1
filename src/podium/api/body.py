"""Receive request bodies, within the limits of size and time, also where no size was announced."""

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from podium.api.passage import Limits
from podium.errors import InvalidRequest, TooLarge
from podium.kit.deadline import Deadline


async def read_body(receive: Receive, limits: Limits) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it goes beyond the limit.
        InvalidRequest: it did not arrive in time.
        ClientDisconnect: the client is gone.
    """
    try:
        with Deadline(limits.body_seconds):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body: bytes = message.get("body", b"")
            if message.get("more_body", False):
                return await _rest(receive, body, limits.body_bytes)
    except TimeoutError:
        raise InvalidRequest(f"The body did not arrive within {limits.body_seconds:g} seconds.") from None
    if len(body) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    return body


async def _rest(receive: Receive, first: bytes, most: int) -> bytes:
    pieces, size, more = [first], len(first), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > most:
            raise _too_large(most)
        pieces.append(piece)
    return b"".join(pieces)


def capped(receive: Receive, most: int) -> Receive:
    """The same messages, but TooLarge once their bodies go beyond `most` bytes."""
    size = 0

    async def receiving() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > most:
            raise _too_large(most)
        return message

    return receiving


def replayed(body: bytes, receive: Receive) -> Receive:
    """A body that was read, as if it came now; then whatever comes next."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than {most} bytes.")
