"""The body of one answer, read with patience: silence, lateness and size all have their bounds."""

import asyncio

import aiohttp
from msgspec import Struct

from podium.errors import Garbled, ProviderError, TimedOut
from podium.providers.failure import translated

_GRACE = 0.02  # seconds: after this process was stopped for a while, timers may fire before the bytes that lie ready

_LINGER = 0.25  # seconds that a host may leave its connection open after its last word


class Bounds(Struct, frozen=True):
    """When to stop reading, on the event loop's clock: first byte and end as moments, silence as seconds."""

    where: str
    first_byte_at: float
    idle: float
    ends_at: float
    most_bytes: int


class Body:
    """Reads one answer's body. One timer serves it all: it is not set anew with each chunk.

    When the timer fires it looks at when the present wait began, and sleeps on if that was not long ago. Time in
    which nobody reads does not count as the host's silence.
    """

    __slots__ = (
        "_bounds",
        "_bytes",
        "_content",
        "_idle",
        "_loop",
        "_suspect",
        "_timer",
        "_waiting_since",
        "broken",
    )

    def __init__(self, content: aiohttp.StreamReader, bounds: Bounds) -> None:
        self.broken: ProviderError | None = None
        """Why the body ended, if it did not end by itself."""
        self._bounds = bounds
        self._content = content
        self._idle = bounds.idle
        self._bytes = 0
        self._waiting_since: float | None = None
        self._suspect: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(min(bounds.first_byte_at, bounds.ends_at), self._look)

    async def read(self) -> bytes:
        """The next bytes; none at the end, then `broken` tells whether it was a good one."""
        if self.broken is not None:
            return b""
        self._waiting_since = self._loop.time()
        try:
            data = await self._content.readany()
        except (aiohttp.ClientError, OSError) as error:
            self.broken = translated(error, self._bounds.where)
            data = self._last_words()
        except TimedOut as error:
            self.broken = error
            return b""
        self._waiting_since = None
        if not self._bytes and data and not self._content.at_eof():
            self._set(self._loop.time() + self._idle)
        self._bytes += len(data)
        if self._bytes > self._bounds.most_bytes:
            self.broken = _too_large(self._bounds)
            return b""
        return data

    def linger(self) -> None:
        """The answer is whole: wait only a moment for the body's end, so that the connection can be used again."""
        if self._idle > _LINGER:
            self._idle = _LINGER
            self._set(self._loop.time() + _LINGER)

    def close(self) -> None:
        """Stop the timer."""
        self._timer.cancel()

    def _last_words(self) -> bytes:
        if self._content.is_eof() or not self._content.total_bytes:
            return b""
        # aiohttp withholds what it has already received once the connection has broken; it is still the host's word
        return self._content._read_nowait(-1)  # noqa: SLF001 – no public way past its exception

    def _set(self, when: float) -> None:
        self._timer.cancel()
        self._timer = self._loop.call_at(min(when, self._bounds.ends_at), self._look)

    def _look(self) -> None:
        now, since, bounds = self._loop.time(), self._waiting_since, self._bounds
        if now >= bounds.ends_at:
            self._give_up(f"{bounds.where} had not finished its answer when its time was up.")
        elif since is None:
            self._set(now + self._idle)
        elif now < (due := since + self._idle if self._bytes else bounds.first_byte_at):
            self._set(due)
        elif self._suspect != since:
            self._suspect = since
            self._set(now + _GRACE)
        elif self._bytes:
            self._give_up(
                f"{bounds.where} fell silent for {self._idle:g} seconds in the middle of its answer."
            )
        else:
            self._give_up(f"{bounds.where} did not begin to answer in time.")

    def _give_up(self, message: str) -> None:
        self._content.set_exception(TimedOut(message))


def _too_large(bounds: Bounds) -> Garbled:
    error = Garbled(f"The answer of {bounds.where} is larger than {bounds.most_bytes} bytes.")
    error.retryable = False
    return error
