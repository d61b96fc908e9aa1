"""Logs of turns that run elsewhere, or have ended: read from the database while somebody follows them.

One query a process and tick reads all of them. A tick is 50 ms, or at once when a wake-up names a log that is followed.
Once a second it is asked which of them are not kept and never will be, as their turns were deleted or ended long ago:
their followers get the last event alone, and nobody waits for what does not come.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from podium.errors import Draining, PodiumError
from podium.journal.log import Log, Numbered, read_lines
from podium.kit import clock
from podium.store.database import Database
from podium.vocabulary.event import Terminal

logger = logging.getLogger(__name__)

_TICK = 0.05
_LOOK_SECONDS = 1.0

Ends = Callable[[Sequence[str]], Awaitable[Mapping[str, Terminal]]]
"""Of these logs, those of which no event is kept or will be, with how their turns ended."""


class Mirrors:
    """The followed logs of other processes."""

    def __init__(self, database: Database, ends: Ends) -> None:
        self._database = database
        self._ends = ends
        self._mirrors: dict[str, Log] = {}
        self._followers: dict[str, int] = {}
        self._woken = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None
        self._leaving = False

    @contextlib.asynccontextmanager
    async def mirrored(self, log_id: str) -> AsyncGenerator[Log, None]:
        """A log that grows as the stored one does, for as long as the context lasts."""
        mirror = self._mirrors.setdefault(log_id, Log(log_id, ""))
        self._followers[log_id] = self._followers.get(log_id, 0) + 1
        self._woken.set()
        if self._leaving:
            mirror.lose()
        elif self._reader is None:
            self._reader = asyncio.create_task(self._read(), name="mirrors")
        try:
            yield mirror
        finally:
            self._followers[log_id] -= 1
            if not self._followers[log_id]:
                del self._followers[log_id], self._mirrors[log_id]

    async def follow(self, log_id: str, after: int) -> AsyncGenerator[list[Numbered], None]:
        """The events of a log after a number, in stretches, until its end.

        Of a log that is not kept the last event follows, whatever the number.

        Raises:
            Draining: this process ends before the turn.
        """
        at = after
        async with (
            self.mirrored(log_id) as mirror,
            contextlib.aclosing(mirror.follow(after)) as stretches,
        ):
            async for stretch in stretches:
                at = stretch[-1].seq
                yield stretch
            if mirror.unkept is not None:
                yield [Numbered(at + 1, mirror.unkept)]
            elif not mirror.ended:
                raise Draining(after=2.0)

    async def is_known(self, log_id: str) -> bool:
        """Whether the database has this log, whole or not.

        Raises:
            Unavailable: it does not answer.
        """
        return await self._database.value("SELECT journal_whole($1)", log_id) is not None

    def wake(self, log_id: str) -> None:
        """Somebody says that this log has grown."""
        if log_id in self._mirrors:
            self._woken.set()

    def leave(self) -> None:
        """Let all followers go: this process is about to end, and what they wait for happens elsewhere."""
        self._leaving = True
        for mirror in self._mirrors.values():
            mirror.lose()

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def _read(self) -> None:
        looked = clock.monotonic()
        try:
            while self._mirrors:
                self._woken.clear()
                try:
                    if clock.monotonic() - looked > _LOOK_SECONDS:
                        await self._end_unkept()
                        looked = clock.monotonic()
                    await self._read_once()
                except PodiumError as error:
                    logger.warning("journal.not_read", extra={"error": str(error)})
                    await asyncio.sleep(0.5)
                except Exception:  # one log that cannot be read must not silence the others
                    logger.exception("journal.not_read")
                    await asyncio.sleep(0.5)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), _TICK)
        finally:
            self._reader = None

    async def _end_unkept(self) -> None:
        followed = [mirror.id for mirror in self._mirrors.values() if not mirror.ended]
        for log_id, end in (await self._ends(followed)).items():
            mirror = self._mirrors.get(log_id)
            if mirror is not None:
                mirror.unkept = end
                mirror.end()

    async def _read_once(self) -> None:
        open_mirrors = [mirror for mirror in self._mirrors.values() if not mirror.ended]
        if not open_mirrors:
            return
        rows = await self._database.fetch(
            "SELECT * FROM journal_read($1, $2)",
            [mirror.id for mirror in open_mirrors],
            [len(mirror.events) for mirror in open_mirrors],
        )
        grown: dict[str, Log] = {}
        for row in rows:
            mirror = self._mirrors.get(row["id"])
            if mirror is None:
                continue
            known = len(mirror.events)
            if row["first_seq"] <= known + 1:
                entries = read_lines(row["lines"].encode(), row["first_seq"])
                mirror.events.extend(entries[known + 1 - row["first_seq"] :])
            if row["ended"]:
                mirror.ended = True
            grown[mirror.id] = mirror
        for mirror in grown.values():
            if mirror.ended:
                mirror.end()
            else:
                mirror.progress(len(mirror.events))
