"""Redis, where there is one: replicas tell each other which logs have grown. Never the truth.

A wake-up that is lost costs one tick of polling, so nothing here waits, retries or raises: while Redis is sick,
wake-ups are dropped and one line a minute says so.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable

import redis.asyncio as redis
from redis.exceptions import RedisError

from podium.errors import Unavailable
from podium.kit import clock

logger = logging.getLogger(__name__)

_CHANNEL = "podium:grown"
_TIMEOUT = 0.25
_PAUSE = 1.0
_QUIET = 60.0


class Wakeups:
    """Says and hears which logs have grown.

    Args:
        heard: called with the id of each log that grew in another process (or in this one).
    """

    def __init__(self, url: str, heard: Callable[[str], None]) -> None:
        self._client = redis.from_url(url, socket_timeout=_TIMEOUT, socket_connect_timeout=1.0)
        self._ear = redis.from_url(
            url, socket_timeout=None, socket_connect_timeout=1.0, health_check_interval=10
        )
        self._heard = heard
        self._grown: set[str] = set()
        self._saying: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None
        self._complained = -_QUIET
        self._silent_until = 0.0

    def open(self) -> None:
        """Begin to hear."""
        self._hearing = asyncio.create_task(self._hear(), name="wakeups")

    def say(self, logs: Iterable[str]) -> None:
        """Tell that these logs have grown; returns at once."""
        if clock.monotonic() < self._silent_until:
            return
        self._grown.update(logs)
        if self._saying is None:
            self._saying = asyncio.create_task(self._say(), name="wakeups said")

    async def check(self) -> None:
        """Ask Redis whether it is there.

        Raises:
            Unavailable: it does not answer.
        """
        try:
            await self._client.ping()
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    async def close(self) -> None:
        """Stop."""
        for task in (self._saying, self._hearing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._client.aclose()
            await self._ear.aclose()

    async def _say(self) -> None:
        try:
            while self._grown:
                grown, self._grown = self._grown, set()
                await self._client.publish(_CHANNEL, "\n".join(grown))
        except (RedisError, OSError, TimeoutError) as error:
            self._grown.clear()
            self._silent_until = clock.monotonic() + _PAUSE
            self._complain(error)
        finally:
            self._saying = None

    async def _hear(self) -> None:
        while True:
            try:
                async with self._ear.pubsub(ignore_subscribe_messages=True) as channel:
                    await channel.subscribe(_CHANNEL)
                    async for message in channel.listen():  # aclosing: redis closes it with the channel
                        for log in message["data"].decode().split("\n"):
                            self._heard(log)
            except (RedisError, OSError, TimeoutError) as error:
                self._complain(error)
            await asyncio.sleep(_PAUSE)

    def _complain(self, error: Exception) -> None:
        if clock.monotonic() - self._complained > _QUIET:
            self._complained = clock.monotonic()
            logger.warning("redis.away", extra={"error": str(error)})
