"""An HTTP client for load: prepared bytes out, times and bytes back, about 30 µs a call."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import httptools
from typing_extensions import override


@dataclass(slots=True)
class Exchange:
    """One call and what came of it. Times are seconds of `time.perf_counter`; uvloop's clock counts milliseconds."""

    started: float
    marker: bytes = b""
    first: float = 0.0
    """When the first byte of the body came."""
    first_mark: float = 0.0
    """When the first piece with the marker came."""
    ended: float = 0.0
    status: int = 0
    pieces: list[bytes] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.pieces)

    @property
    def milliseconds(self) -> float:
        """From the request to the end of the answer."""
        return (self.ended - self.started) * 1e3

    def expect_ok(self) -> "Exchange":
        """Itself. Raises RuntimeError if its status is not 200."""
        if self.status != 200:
            raise RuntimeError(f"a call answered {self.status}: {self.body[:500]!r}")
        return self


class _Connection(asyncio.Protocol):
    def __init__(self, client: "Client") -> None:
        self._client = client
        self._exchange = Exchange(started=0.0)
        self._answered: asyncio.Future[Exchange] | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are no subclasses of asyncio's
        self._parser = httptools.HttpResponseParser(self)

    def send(self, request: bytes, marker: bytes) -> asyncio.Future[Exchange]:
        self._answered = asyncio.get_running_loop().create_future()
        self._exchange = Exchange(started=time.perf_counter(), marker=marker)
        self.transport.write(request)
        return self._answered

    @override
    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, data: bytes) -> None:
        exchange = self._exchange
        now = time.perf_counter()
        if not exchange.pieces:
            exchange.first = now
        exchange.pieces.append(data)
        if exchange.marker and (count := data.count(exchange.marker)):
            exchange.first_mark = exchange.first_mark or now
            self._client.marks += count

    def on_message_complete(self) -> None:
        exchange, answered = self._exchange, self._answered
        exchange.ended = time.perf_counter()
        exchange.status = self._parser.get_status_code()
        if answered is not None and not answered.done():
            answered.set_result(exchange)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._client.forget(self)
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError(f"the server closed the connection: {exc}"))


class Client:
    """Calls to one server over as many connections as there are calls at a time. `marks` counts markers seen so far."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self.marks = 0
        self._port = port
        self._head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._idle: list[_Connection] = []

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """The bytes of a call."""
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{self._head}content-length: {len(data)}\r\n"
        if data:
            head += "content-type: application/json\r\n"
        return head.encode() + b"\r\n" + data

    async def send(self, request: bytes, marker: bytes = b"") -> Exchange:
        """Send a prepared call and wait for the whole answer. Raises OSError."""
        connection = self._idle.pop() if self._idle else await self._connect()
        exchange = await connection.send(request, marker)
        self._idle.append(connection)
        return exchange

    def forget(self, connection: _Connection) -> None:
        """Do not use a closed connection again."""
        if connection in self._idle:
            self._idle.remove(connection)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        return connection
