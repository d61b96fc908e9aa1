"""Follow a turn for a client: the one place where events meet HTTP.

A door gives a writer; this decides the status by the first delta or the terminal event, sends what the writer makes of
each stretch of events, keeps a silent connection alive, and notices when the client has gone.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Protocol, Self

from starlette.types import Message, Receive, Send

from podium.api.failed import error_of
from podium.errors import BugError, PodiumError
from podium.journal.log import Numbered
from podium.vocabulary.event import (
    Failure,
    Terminal,
    TurnCompleted,
    is_delta,
)

Stretches = AsyncGenerator[list[Numbered], None]
Headers = list[tuple[bytes, bytes]]

_HEARTBEAT_SECONDS = 15.0
_PATIENCE_SECONDS = 0.1
_STREAM: Headers = [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
SSE = b"text/event-stream; charset=utf-8"
_JSON: Headers = [(b"content-type", b"application/json")]


class Gone(Exception):
    """The client closed the connection."""


class EventWriter(Protocol):
    """A door's half of a streamed answer: its media type, and what is sent when nothing happens."""

    media: bytes
    heartbeat: bytes

    def frame(self, entry: Numbered) -> bytes:
        """What the client gets for this event; may be empty."""
        ...


async def send_json(send: Send, status: int, headers: Headers, body: bytes) -> None:
    """A whole JSON answer."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*_JSON, length, *headers]})
    await send({"type": "http.response.body", "body": body})


class Listening:
    """One client's connection while it listens: knows when it has gone.

    The watch begins after a moment: most answers are sent before that and need none.

    Use as an async context. Inside it `gone` may be raised at any wait; the door's `left` is then called.
    """

    def __init__(self, receive: Receive, left: Callable[[], Awaitable[None]]) -> None:
        self._receive = receive
        self._left = left
        self._task: asyncio.Task[object] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._gone = False

    async def __aenter__(self) -> Self:
        self._task = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._begin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: object
    ) -> bool:
        self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
        if self._gone and isinstance(error, asyncio.CancelledError) and self._task is not None:
            self._task.uncancel()
            await self._left()
            return True
        return False

    def _begin(self) -> None:
        self._watch = asyncio.create_task(self._watch_disconnect(), name="listener")

    async def _watch_disconnect(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._task is not None:
            self._gone = True
            self._task.cancel()


class _Pulse:
    """Sends a heartbeat when nothing else was sent for a while, without a timer for each chunk."""

    def __init__(self, send: Send, beat: bytes) -> None:
        self._send = send
        self._beat: Message = {"type": "http.response.body", "body": beat, "more_body": True}
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer = self._loop.call_later(_HEARTBEAT_SECONDS, self._tick)
        self._sending: asyncio.Task[None] | None = None

    def send(self, body: bytes) -> Awaitable[None]:
        """Send a piece of the body."""
        self._last = self._loop.time()
        return self._send({"type": "http.response.body", "body": body, "more_body": True})

    def stop(self) -> None:
        """No more heartbeats."""
        self._timer.cancel()

    def _tick(self) -> None:
        silent = self._loop.time() - self._last
        if silent >= _HEARTBEAT_SECONDS and self._beat["body"]:
            self._last = self._loop.time()
            self._sending = self._loop.create_task(self._send_beat())
            silent = 0.0
        self._timer = self._loop.call_later(_HEARTBEAT_SECONDS - silent, self._tick)

    async def _send_beat(self) -> None:
        await self._send(self._beat)


async def wait_terminal(stretches: Stretches) -> tuple[Terminal, list[Numbered]]:
    """Follow to the end; the terminal event, and all events."""
    heard: list[Numbered] = []
    async with contextlib.aclosing(stretches):
        async for stretch in stretches:
            heard.extend(stretch)
    if not heard or not isinstance(heard[-1].event, Terminal):
        raise BugError("The turn's events ended without an end.")
    return heard[-1].event, heard


def failure_of(terminal: Terminal) -> PodiumError | None:
    """The error that ended the turn, or None if it was completed."""
    if isinstance(terminal, TurnCompleted):
        return None
    return error_of(terminal.turn.error or Failure(code="internal_error", message="The turn failed."))


async def wait_spoken(
    stretches: Stretches, failure: Callable[[Terminal], PodiumError | None]
) -> list[Numbered]:
    """The events up to and with the stretch in which the first piece of the answer stands.

    Raises:
        PodiumError: the turn ended before it, with this `failure`.
    """
    heard: list[Numbered] = []
    async for stretch in stretches:  # aclosing: the caller goes on with the same generator
        heard.extend(stretch)
        for entry in stretch:
            if is_delta(entry.event):
                return heard
            if isinstance(entry.event, Terminal):
                error = failure(entry.event)
                if error is not None:
                    raise error
                return heard
    return heard


async def send_stream(
    send: Send, headers: Headers, first: list[Numbered], stretches: Stretches, writer: EventWriter
) -> None:
    """A streamed answer: the events heard already, then the others as they come, to the turn's end."""
    said = [(b"content-type", writer.media), *_STREAM, *headers]
    await send({"type": "http.response.start", "status": 200, "headers": said})
    pulse = _Pulse(send, writer.heartbeat)
    try:
        body = b"".join([writer.frame(entry) for entry in first])
        if body:
            await pulse.send(body)
        async for stretch in stretches:  # aclosing: the caller closes it
            body = (
                writer.frame(stretch[0])
                if len(stretch) == 1
                else b"".join([writer.frame(entry) for entry in stretch])
            )
            if body:
                await pulse.send(body)
    finally:
        pulse.stop()
    await send({"type": "http.response.body", "body": b"", "more_body": False})
