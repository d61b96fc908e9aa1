"""Keep the sums by day close behind the ledger. Every process tries; the database lets one at a time."""

import asyncio
import contextlib
import logging

import asyncpg

from podium.errors import PodiumError
from podium.ledger.analytics import roll
from podium.store.database import Database

_log = logging.getLogger(__name__)

_BATCH = 2_000  # entries: some 50 ms, for which the snapshot is held
_PAUSE = 5.0


class Rolling:
    """Sums up what was entered, in the background."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._roll(), name="rolling")

    async def close(self) -> None:
        """Stop; what was not summed up yet will be."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _roll(self) -> None:
        while True:
            try:
                rolled = await roll(self._database, _BATCH)
            except (PodiumError, asyncpg.PostgresError) as error:
                _log.warning("ledger.not_rolled", extra={"error": str(error)})
                rolled = 0
            await asyncio.sleep(0 if rolled >= _BATCH else _PAUSE)
