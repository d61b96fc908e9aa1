"""Where an answer's bytes go: through ASGI, with a note of each in the oracle, and past it where a fault needs that."""

import asyncio
import socket
import struct
import zlib
from collections.abc import Mapping
from typing import Protocol

from starlette.types import Scope, Send

from podium.simulator.oracle import Served
from podium.simulator.plan import Fault

TRANSPORT = "podium.transport"
"""The ASGI extension under which our server hands out the bare connection."""


class Cut(Exception):
    """As many bytes were sent as there are to be."""


_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Transport(Protocol):
    """As much of asyncio's transport as faults need."""

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        ...

    def close(self) -> None:
        """Send what was written, then close."""
        ...

    def write(self, data: bytes) -> None:
        """Send these bytes as they are."""
        ...

    def get_extra_info(self, name: str) -> socket.socket | None:
        """The socket, under its name."""
        ...


class Pipe:
    """One response on its way out."""

    def __init__(self, scope: Scope, send: Send, served: Served) -> None:
        self._transport: Transport | None = scope.get("extensions", {}).get(TRANSPORT)
        self._send = send
        self._served = served
        self._zipper: zlib._Compress | None = None
        self._drip: Fault | None = None
        self._most: int | None = None

    @property
    def has_started(self) -> bool:
        """Whether a status line was sent."""
        return self._served.status is not None

    def bend(self, fault: Fault) -> None:
        """Compress what follows (`gzip`), send it in small pieces (`drip`), or only so many bytes of it (`at`)."""
        self._most = fault.at
        if fault.kind == "gzip":
            self._zipper = zlib.compressobj(wbits=31)
        elif fault.kind == "drip":
            self._drip = fault

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status line and headers."""
        self._served.status = status
        zipped = {"content-encoding": "gzip"} if self._zipper else {}
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(k.encode(), v.encode("latin-1")) for k, v in {**headers, **zipped}.items()],
            }
        )

    async def write(self, data: bytes) -> None:
        """Send some of the body.

        Raises:
            Cut: this is where it is to end.
        """
        left = None if self._most is None else self._most - self._served.bytes
        if left is not None and left <= len(data):
            await self._write(data[:left])
            raise Cut
        await self._write(data)

    async def _write(self, data: bytes) -> None:
        if not data:
            return
        if self._served.first_byte_after is None:
            self._served.first_byte_after = self._served.elapsed()
        self._served.bytes += len(data)
        if self._zipper is not None:
            data = self._zipper.compress(data) + self._zipper.flush(zlib.Z_SYNC_FLUSH)
        if self._drip is None:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
            return
        for at in range(0, len(data), self._drip.bytes):
            piece = data[at : at + self._drip.bytes]
            await self._send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(self._drip.every)

    async def finish(self) -> None:
        """End the body as HTTP wants it."""
        rest = self._zipper.flush() if self._zipper is not None else b""
        await self._send({"type": "http.response.body", "body": rest, "more_body": False})

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole response."""
        await self.start(status, {**headers, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})
        self._served.bytes += len(body)

    def blurt(self, data: bytes) -> None:
        """Send bytes that are no HTTP, then close."""
        self._bare().write(data)
        self._bare().close()

    def close(self) -> None:
        """Close the connection in the middle of it all (FIN), after what was written."""
        self._bare().close()

    def reset(self) -> None:
        """Break the connection (RST)."""
        transport = self._bare()
        ours = transport.get_extra_info("socket")
        if ours is not None:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()

    def _bare(self) -> Transport:
        if self._transport is None:
            raise RuntimeError("Faults of the connection itself need `podium simulate` as the server.")
        return self._transport
