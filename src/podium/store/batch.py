"""Natural batching: while one statement is in flight the next calls gather, then go as one.

A call never waits for a timer: alone it goes at once, in a crowd it shares a statement and a commit. What a naive batch
gets wrong is handled here: a caller that is cancelled leaves its item to complete (and be compensated), bad data fails
its own caller alone, deadlocks are tried again, and after a lost connection the same items go again, which is safe
because every batched statement is idempotent by its items' ids and answers for what already happened.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from podium.errors import BugError, Unavailable
from podium.kit import clock
from podium.store.failure import Again, BadItem, ConnectionLost

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOKS = 8  # for callers whose patience has ended, within one patience


@dataclass(slots=True, eq=False)
class _Entry(Generic[Item, Result]):
    item: Item
    result: asyncio.Future[Result]
    deadline: float


class Batch(Generic[Item, Result]):
    """Many callers' items, one statement at a time.

    Args:
        name: for logs.
        run: one statement for all items; gives one result an item, in order. Must be idempotent by item.
        size: bytes of an item; a batch holds at most `most_bytes` and `most_items`.
        compensate: called with item and result when the caller was gone before the result came.
        patience: seconds to keep trying while the database is away before callers get Unavailable. What had been sent
            by then may have happened all the same; whoever owns the rows finds it there.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        size: Callable[[Item], int] = lambda _item: 0,
        compensate: Callable[[Item, Result], None] | None = None,
        patience: float = 4.0,
    ) -> None:
        self.name = name
        self._run = run
        self._size = size
        self._compensate = compensate
        self._patience = patience
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._sent: list[_Entry[Item, Result]] = []
        self._worker: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.most_items = 128
        self.most_bytes = 4 << 20
        self.items = 0
        self.statements = 0

    async def put(self, item: Item) -> Result:
        """Hand in one item and wait for its result.

        Raises:
            BadItem: the database refused this item's data.
            Unavailable: the database stayed away for longer than this batch's patience.
        """
        loop = asyncio.get_running_loop()
        entry: _Entry[Item, Result] = _Entry(item, loop.create_future(), clock.monotonic() + self._patience)
        self._waiting.append(entry)
        if self._worker is None:
            self._worker = loop.create_task(self._work(), name=f"batch {self.name}")
        return await entry.result

    async def close(self) -> None:
        """Wait until everything handed in is done."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        self._look()
        try:
            while self._waiting:
                self._sent = self._take()
                if self._sent:
                    await self._attempt(self._sent)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._sent = []
            self._worker = None

    def _look(self) -> None:
        """Tell those whose patience has ended: a database that is silent raises nothing."""
        now = clock.monotonic()
        late = [entry for entry in (*self._sent, *self._waiting) if entry.deadline <= now]
        _fail(late, Unavailable("The database does not answer in time.", after=1.0))
        self._timer = asyncio.get_running_loop().call_later(self._patience / _LOOKS, self._look)

    def _take(self) -> list[_Entry[Item, Result]]:
        """As many of those that wait as fit, without those that were told to go."""
        taken: list[_Entry[Item, Result]] = []
        room = self.most_bytes
        while self._waiting and len(taken) < self.most_items:
            entry = self._waiting[0]
            if not _was_refused(entry):
                room -= self._size(entry.item)
                if taken and room < 0:
                    break
                taken.append(entry)
            self._waiting.popleft()
        return taken

    async def _attempt(self, taken: list[_Entry[Item, Result]]) -> None:
        tries = 0
        while taken:
            try:
                results = await self._run([entry.item for entry in taken])
                if len(results) != len(taken):
                    raise BugError(f"{len(taken)} items of {self.name} had {len(results)} results.")
            except BadItem as error:
                await self._bisect(taken, error)
                return
            except Again as error:
                tries += 1
                contended = Unavailable(f"The database is contended: {error}", after=1.0)
                taken = self._still_patient(taken, contended)
                await asyncio.sleep(min(0.002 * 2**tries, 0.25))
            except ConnectionLost as error:
                taken = self._still_patient(taken, error)
                await asyncio.sleep(0.05)
            except Unavailable as error:
                taken = self._still_patient(taken, error)
                await asyncio.sleep(0.25)
            except Exception as error:  # a defect in one statement must not wedge every later caller
                logger.exception("batch.failed", extra={"batch": self.name})
                _fail(taken, error)
                return
            else:
                self.items += len(taken)
                self.statements += 1
                self._deliver(taken, results)
                return

    async def _bisect(self, taken: list[_Entry[Item, Result]], error: BadItem) -> None:
        if len(taken) == 1:
            _fail(taken, error)
            return
        middle = len(taken) // 2
        await self._attempt(taken[:middle])
        await self._attempt(taken[middle:])

    def _still_patient(
        self, taken: list[_Entry[Item, Result]], error: Unavailable
    ) -> list[_Entry[Item, Result]]:
        now = clock.monotonic()
        _fail([entry for entry in taken if entry.deadline <= now], error)
        return [entry for entry in taken if entry.deadline > now]

    def _deliver(self, taken: list[_Entry[Item, Result]], results: Sequence[Result]) -> None:
        for entry, result in zip(taken, results, strict=True):
            if not entry.result.done():
                entry.result.set_result(result)
            elif self._compensate is not None:
                try:
                    self._compensate(entry.item, result)
                except Exception:  # the others must hear of theirs
                    logger.exception("batch.not_compensated", extra={"batch": self.name})


def _was_refused(entry: _Entry[Item, Result]) -> bool:
    """Whether the caller was told no. One that was merely cancelled was not: its item is done all the same."""
    return entry.result.done() and not entry.result.cancelled()


def _fail(entries: Iterable[_Entry[Item, Result]], error: Exception) -> None:
    for entry in entries:
        if not entry.result.done():
            entry.result.set_exception(error)
