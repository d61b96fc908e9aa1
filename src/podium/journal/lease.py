"""This process's lease: while it is renewed, the turns it owns are its own.

Leases belong to processes, not to turns: one heartbeat row each. Expiry is judged by the database's clock alone; this
side counts on its own monotonic clock and stops showing before the lease can end. A process that was judged dead while
it slept takes a new name; what it owned under the old one is lost to it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta

from podium.errors import PodiumError, Unavailable
from podium.kit import clock, ids
from podium.store.database import Lane

logger = logging.getLogger(__name__)


class Lease:
    """The name under which this process owns turns, and how long it may.

    Args:
        lane: the connection of the heartbeat.
        home, boot, slot: the data directory served, its supervisor's run, and the place in it.
        seconds: length of the lease.

    `on_judged` is called when the process has taken a new name, and what it owned is lost to it.
    """

    def __init__(self, lane: Lane, *, home: str, boot: str, slot: int, seconds: float = 15.0) -> None:
        self._lane = lane
        self._place = (home, boot, slot)
        self.seconds = seconds
        self.owner = ids.new("proc")
        self._naming = asyncio.Lock()
        self._good_until = 0.0
        self._renewed = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self.on_judged: Callable[[], None] | None = None

    @property
    def length(self) -> timedelta:
        """The lease's length, as the database takes it."""
        return timedelta(seconds=self.seconds)

    @property
    def holds(self) -> bool:
        """Whether this process may still show what its turns say; ends a fifth before the lease itself."""
        return clock.monotonic() < self._good_until

    async def open(self) -> None:
        """Enter this process and start to beat.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._register(self.owner)
        self._beating = asyncio.create_task(self._beat(), name="lease")

    async def close(self) -> None:
        """Leave, so that others need not wait for the lease to end."""
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating
        with contextlib.suppress(Unavailable):
            await self._lane.fetch("SELECT process_end($1)", self.owner)

    async def wait_held(self) -> None:
        """Return when the lease holds (again)."""
        while not self.holds:
            self._renewed.clear()
            await self._renewed.wait()

    async def judged(self, owner: str) -> None:
        """Note that this process was judged dead under that name: take a new one, unless that has been done.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._naming:
            if owner == self.owner:
                logger.warning("lease.lost", extra={"owner": owner})
                await self._register(ids.new("proc"))
                if self.on_judged is not None:
                    self.on_judged()

    async def _register(self, owner: str) -> None:
        before = clock.monotonic()
        await self._lane.fetch(
            "SELECT process_register($1, $2, $3, $4, $5)", owner, *self._place, self.length
        )
        self.owner = owner
        self._extend(before)

    async def _beat(self) -> None:
        pause = self.seconds / 5
        while True:
            await asyncio.sleep(pause)
            before, owner = clock.monotonic(), self.owner
            try:
                async with asyncio.timeout(self.seconds / 2):  # for connecting as well
                    rows = await self._lane.fetch(
                        "SELECT process_beat($1, $2)", owner, self.length, within=self._patience
                    )
                    if rows[0][0]:
                        self._extend(before)
                    else:
                        # Not `self.owner`: who opens a turn may have been told before, and taken a new name.
                        await self.judged(owner)
                pause = self.seconds / 5
            except (PodiumError, TimeoutError) as error:
                logger.warning("lease.not_renewed", extra={"owner": self.owner, "error": str(error)})
                pause = min(0.5, self.seconds / 5)
            except Exception:  # a heart does not stop for what nobody foresaw
                logger.exception("lease.not_renewed", extra={"owner": self.owner})
                pause = min(0.5, self.seconds / 5)

    @property
    def _patience(self) -> float:
        """Seconds to wait for an answer; then its connection is given up, while there is time for another."""
        return self.seconds / 3

    def _extend(self, since: float) -> None:
        self._good_until = since + self.seconds * 0.8
        self._renewed.set()
