"""Hear notifications, on a connection that is opened again whenever it breaks.

What is said while nobody hears is lost: whoever relies on it must find it in the rows as well, only later.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from podium.errors import PodiumError
from podium.store.database import Lane

logger = logging.getLogger(__name__)

_PAUSE = 0.5


class Listening:
    """Calls a function for each payload on each channel."""

    def __init__(self, lane: Lane, channels: Mapping[str, Callable[[str], None]]) -> None:
        """`lane` is this listener's alone."""
        self._lane = lane
        self._channels = channels
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="listening")

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> None:
        while True:
            try:
                for channel, heard in self._channels.items():
                    await self._lane.listen(channel, heard)
                await self._lane.wait_broken()
            except PodiumError as error:
                logger.warning("store.deaf", extra={"error": str(error)})
            except Exception:  # who is deaf once must not be so for ever
                logger.exception("store.deaf")
            await asyncio.sleep(_PAUSE)
