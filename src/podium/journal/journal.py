"""The journal of one process: what its turns say is stored before it is shown, and anyone may follow any turn.

The deltas of all turns go through one connection by natural batching: while a statement is in flight they gather,
then go as one array insert, a row per turn and flush. Where many turns speak at once the next statement waits a moment,
which halves what a delta costs. That connection's commits do not wait for the disk unless the operator says so. Each
log keeps its events until it ends, so what a crash of Postgres took back is written again before more is shown.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence

from podium.errors import Interrupted, Lost, Unavailable
from podium.journal.lease import Lease
from podium.journal.log import Log, Numbered
from podium.journal.mirror import Mirrors
from podium.store.database import Lane
from podium.store.failure import Again, BadItem
from podium.vocabulary.event import Terminal, TurnEvent

logger = logging.getLogger(__name__)

_MOST_UNSTORED = 512
_MOST_LOGS = 256
_CROWD = 8  # logs: where so many grow at once, what they say in a moment goes together
_MOMENT = 0.002  # seconds


class Journal:
    """Logs of the turns that this process runs, and mirrors of those that it only follows."""

    def __init__(
        self,
        lane: Lane,
        lease: Lease,
        mirrors: Mirrors,
        *,
        announce: Callable[[list[str]], None] | None = None,
    ) -> None:
        """`announce` is told which logs have grown, for followers in other processes."""
        self._lane = lane
        self._lease = lease
        self._mirrors = mirrors
        self._announce = announce
        self._live: dict[str, Log] = {}
        self._stored: set[Log] = set()
        self._dirty: dict[Log, None] = {}
        self._flying: set[Log] = set()
        self._connection = 0
        self._is_failing = False
        self._writer: asyncio.Task[None] | None = None

    def begin(self, log_id: str, owner: str, events: Sequence[Numbered], *, stored: bool) -> Log:
        """Open the log of a turn that this process runs; `events` are in the database already.

        Without `stored` the log is fleeting: its events live in memory and are shown at once.
        """
        if (former := self._live.get(log_id)) is not None:
            self.lose(former)  # this process owned it under another name
        log = Log(log_id, owner, events)
        self._live[log_id] = log
        if stored:
            self._stored.add(log)
        return log

    async def put(self, log: Log, event: TurnEvent) -> None:
        """Add an event. Waits only when too much of the log is not stored yet.

        Raises:
            Lost: another process owns the turn.
        """
        if log.lost:  # and forgotten: it would pass for a fleeting one
            raise Lost
        log.append(event)
        if log not in self._stored:
            if not self._lease.holds:
                await self._lease.wait_held()
            if log.owner != self._lease.owner:
                self.lose(log)
                raise Lost
            log.show(len(log.events))
            return
        self._touch(log)
        if len(log.events) - log.stored > _MOST_UNSTORED:
            await self.stored(log)

    async def stored(self, log: Log) -> None:
        """Wait until all of the log so far is stored; at once for a fleeting one.

        Raises:
            Lost: another process owns the turn.
        """
        upto = len(log.events)
        while log in self._stored and log.stored < upto and not log.lost:
            await log.changed()
        if log.lost:
            raise Lost

    async def seal(self, log: Log) -> None:
        """Take the log out of the flow: nothing more of it is flushed, what is under way has come to an end."""
        log.sealed = True
        while log in self._flying and not log.lost:
            await log.changed()
        self._dirty.pop(log, None)

    def end(self, log: Log) -> None:
        """The log's whole text was recorded: show its end, and let go of it."""
        if self._announce is not None and log in self._stored:
            self._announce([log.id])
        self._forget(log)
        log.end()

    def lose(self, log: Log) -> None:
        """Let go of a log that another process owns now; its listeners go on with what is stored."""
        if not log.ended:
            self._forget(log)
            log.lose()

    def find(self, log_id: str) -> Log | None:
        """The log of a turn that runs here, or None."""
        return self._live.get(log_id)

    async def follow(
        self, log_id: str, after: int, *, patient: bool = False
    ) -> AsyncGenerator[list[Numbered], None]:
        """The events of any turn after a number, in stretches, until its end; wherever it runs.

        Who is `patient` shows nothing before the end, and is not woken for what comes until then.
        Of a fleeting log that was lost nothing is kept but how it ends, so that alone follows; so it is with a log that
        is not kept any more, or was deleted with its turn.

        Raises:
            Draining: this process ends before the turn.
            Interrupted: a crash of Postgres took back that there was a fleeting log at all.
        """
        at, fleeting = after, False
        log = self._live.get(log_id)
        if log is not None:
            fleeting = log not in self._stored
            while (
                not log.lost or at < log.shown
            ):  # as `Log.follow`, without one generator more for each event
                if at < log.shown:
                    stretch = log.events[at : log.shown]
                    at += len(stretch)
                    yield stretch
                elif log.ended:
                    return
                else:
                    await (log.closed() if patient else log.changed())
        if fleeting and not await self._mirrors.is_known(log_id):
            raise Interrupted
        async with contextlib.aclosing(self._mirrors.follow(log_id, 0 if fleeting else at)) as stretches:
            async for stretch in stretches:
                if not fleeting:
                    yield stretch
                elif isinstance(stretch[-1].event, Terminal):
                    yield stretch[-1:]

    def leave(self) -> None:
        """Let go of those who follow turns that do not end here any more."""
        self._mirrors.leave()

    def look(self) -> None:
        """See to it that what a crash of Postgres took back is written again, though its turns may be silent.

        To be called now and then.
        """
        if self._stored and not self._lane.is_connected:
            self._touch(next(iter(self._stored)))

    async def close(self) -> None:
        """Stop writing."""
        if self._writer is not None:
            self._writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._writer

    def _forget(self, log: Log) -> None:
        if self._live.get(log.id) is log:
            del self._live[log.id]
        self._stored.discard(log)
        self._dirty.pop(log, None)

    def _touch(self, log: Log) -> None:
        self._dirty[log] = None
        if self._writer is None:
            self._writer = asyncio.create_task(self._write(), name="journal")

    async def _write(self) -> None:
        try:
            while self._dirty:
                logs = list(self._dirty)[:_MOST_LOGS]
                try:
                    await self._store(logs)
                except Exception as error:  # turns wait for what is stored, and nobody else would write it
                    if not self._is_failing:
                        logger.warning(
                            "journal.not_stored",
                            extra={"logs": len(logs), "error": str(error)},
                            exc_info=not isinstance(error, Unavailable | Again),
                        )
                    self._is_failing = True
                    await asyncio.sleep(0.1)
                else:
                    self._is_failing = False
                    for log in logs:
                        if log.stored >= len(log.events) or log.lost or log.sealed:
                            self._dirty.pop(log, None)
                if len(self._stored) > _CROWD:
                    await asyncio.sleep(_MOMENT)
        finally:
            self._writer = None

    async def _store(self, logs: Sequence[Log]) -> None:
        try:
            await self._resync()
            self._flying = {log for log in logs if log.stored < len(log.events) and not log.sealed}
            await self._flush(list(self._flying))
        finally:
            flown, self._flying = self._flying, set()
            for log in flown:
                log.progress(log.stored)

    async def _resync(self) -> None:
        """After a new connection, learn what is really stored: a crash takes back what had not reached the disk.

        A log that another process took over meanwhile, or ended, is lost: what it holds now is not what was said here.
        """
        connection = await self._lane.connect()
        if connection == self._connection:
            return
        logs = [log for log in self._stored if not log.sealed]
        for owner in {log.owner for log in logs}:
            ours = [log for log in logs if log.owner == owner]
            rows = await self._lane.fetch(
                "SELECT * FROM journal_stored_of($1, $2)", owner, [log.id for log in ours], on=connection
            )
            stored = {row["id"]: row["last_seq"] for row in rows}
            for log in ours:
                self._resume(log, stored.get(log.id))
        self._connection = connection

    def _resume(self, log: Log, stored: int | None) -> None:
        if stored is None:
            self.lose(log)
            return
        if stored < log.stored:
            logger.warning("journal.written_again", extra={"log": log.id, "events": log.stored - stored})
            self._dirty[log] = None
        log.progress(min(stored, len(log.events)))  # what was stored though its answer was lost is shown now

    async def _flush(self, logs: Sequence[Log]) -> None:
        if not logs:
            return
        upto = [len(log.events) for log in logs]
        try:
            taken = await self._insert(logs)
        except BadItem:
            if len(logs) == 1:
                # Nothing in a line of JSON can be refused but its size; its turn cannot go on.
                logger.exception("journal.refused", extra={"log": logs[0].id})
                self.lose(logs[0])
                return
            for log in logs:
                await self._flush([log])
            return
        for log, end in zip(logs, upto, strict=True):
            if log.id in taken:
                log.progress(end)
            elif not log.ended:
                self.lose(log)
        if self._announce is not None:
            self._announce(list(taken))

    async def _insert(self, logs: Sequence[Log]) -> set[str]:
        taken: set[str] = set()
        # Logs grow while one owner's are written: what the next one's take is settled before.
        written = [
            (owner, *_rows([log for log in logs if log.owner == owner]))
            for owner in {log.owner for log in logs}
        ]
        for each in written:
            rows = await self._lane.fetch(
                "SELECT journal_put($1, $2, $3, $4, $5)", *each, on=self._connection
            )
            taken.update(row[0] for row in rows)
        return taken


def _rows(logs: Sequence[Log]) -> tuple[list[str], list[int], list[int], list[str]]:
    """What of these logs is not stored yet, as columns: where it begins and ends, and its lines."""
    return (
        [log.id for log in logs],
        [log.stored + 1 for log in logs],
        [len(log.events) for log in logs],
        [log.lines(log.stored).decode() for log in logs],
    )
