"""What the parent and a server process say to each other: one JSON object a line, over a pair of sockets.

    parent → server   the socket to listen on and the data directory's lock, as descriptors
                      {"settings": …, "place": …}            the database answers and is up to date: serve
                      {"model": url, or null and a "why"}    the answer to `model`
    server → parent   {"ready": true}                        it serves
                      {"model": true}                        start the local model if it does not run: where is it?

Its end is the news that the other is gone.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator
from typing import Any

Message = dict[str, Any]

_LONGEST = 8 << 20
_MARK = b"#"


class Link:
    """One end of the pair."""

    def __init__(
        self, end: socket.socket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._end = end
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, end: socket.socket) -> "Link":
        """The link over a connected socket, which it owns from now on."""
        return cls(end, *await asyncio.open_connection(sock=end, limit=_LONGEST))

    def hand_over(self, *descriptors: int) -> None:
        """Give the other descriptors of this process, before anything else is said; `take_over` takes them."""
        with contextlib.suppress(ConnectionError):
            socket.send_fds(self._end, [_MARK], descriptors)

    async def send(self, **message: object) -> None:
        """Say something; to one who is gone it is said in vain."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()

    async def receive(self) -> Message | None:
        """What the other says next; None when it is gone."""
        try:
            line = await self._reader.readline()
        except ConnectionError:
            return None
        return json.loads(line) if line.endswith(b"\n") else None

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Everything that the other says until it is gone."""
        while (message := await self.receive()) is not None:
            yield message

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def take_over(end: socket.socket, number: int) -> list[int]:
    """Wait for the descriptors that the other hands over; none if it is gone. Before a `Link` is made over this end."""
    try:
        return socket.recv_fds(end, len(_MARK), number)[1]
    except ConnectionError:
        return []
