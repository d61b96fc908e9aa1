"""Natural batching: while one statement is in flight the next calls gather, then go as one.

A call never waits for a timer: alone it goes at once, in a crowd it shares a statement and a commit. What a naive batch
gets wrong is handled here: a caller that is cancelled leaves its item to complete (and be compensated), bad data fails
its own caller alone, deadlocks are tried again, and after a lost connection the same items go again, which is safe
because every batched statement is idempotent by its items' ids and answers for what already happened.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from podium.errors import Unavailable
from podium.kit import clock
from podium.store.failure import Again, BadItem, ConnectionLost

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_AGAIN_TRIES = 8


class Batch(Generic[Item, Result]):
    """Many callers' items, one statement at a time.

    Args:
        name: for logs.
        run: one statement for all items; gives one result an item, in order. Must be idempotent by item.
        size: bytes of an item; a batch holds at most `most_bytes` and `most_items`.
        compensate: called with item and result when the caller was gone before the result came.
        patience: seconds to keep trying while the database is away before callers get Unavailable.
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
        self._name = name
        self._run = run
        self._size = size
        self._compensate = compensate
        self._patience = patience
        self._waiting: deque[tuple[Item, asyncio.Future[Result], float]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.most_items = 128
        self.most_bytes = 4 << 20
        self.statements = 0
        self.items = 0

    async def put(self, item: Item) -> Result:
        """Hand in one item and wait for its result.

        Raises:
            BadItem: the database refused this item's data.
            Unavailable: the database stayed away for longer than this batch's patience.
        """
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result, clock.monotonic() + self._patience))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work(), name=f"batch {self._name}")
        return await result

    async def close(self) -> None:
        """Wait until everything handed in is done."""
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._attempt(self._take())
        finally:
            self._worker = None

    def _take(self) -> list[tuple[Item, asyncio.Future[Result], float]]:
        taken = [self._waiting.popleft()]
        room = self.most_bytes - self._size(taken[0][0])
        while self._waiting and len(taken) < self.most_items:
            room -= self._size(self._waiting[0][0])
            if room < 0:
                break
            taken.append(self._waiting.popleft())
        return taken

    async def _attempt(self, taken: list[tuple[Item, asyncio.Future[Result], float]]) -> None:
        tries = 0
        while taken:
            try:
                results = await self._run([item for item, _, _ in taken])
            except BadItem as error:
                await self._bisect(taken, error)
                return
            except Again as error:
                tries += 1
                if tries >= _AGAIN_TRIES:
                    _fail(taken, Unavailable(f"The database is contended: {error}", after=1.0))
                    return
                await asyncio.sleep(0.002 * 2**tries)
            except ConnectionLost as error:
                taken = self._still_patient(taken, error)
                await asyncio.sleep(0.05)
            except Unavailable as error:
                taken = self._still_patient(taken, error)
                await asyncio.sleep(0.25)
            except Exception as error:  # a defect in one statement must not wedge every later caller
                logger.exception("batch.failed", extra={"batch": self._name})
                _fail(taken, error)
                return
            else:
                self.statements += 1
                self.items += len(taken)
                self._deliver(taken, results)
                return

    async def _bisect(self, taken: list[tuple[Item, asyncio.Future[Result], float]], error: BadItem) -> None:
        if len(taken) == 1:
            _fail(taken, error)
            return
        middle = len(taken) // 2
        await self._attempt(taken[:middle])
        await self._attempt(taken[middle:])

    def _still_patient(
        self, taken: list[tuple[Item, asyncio.Future[Result], float]], error: Unavailable
    ) -> list[tuple[Item, asyncio.Future[Result], float]]:
        now = clock.monotonic()
        _fail([entry for entry in taken if entry[2] <= now], error)
        return [entry for entry in taken if entry[2] > now]

    def _deliver(
        self, taken: list[tuple[Item, asyncio.Future[Result], float]], results: Sequence[Result]
    ) -> None:
        for (item, future, _), result in zip(taken, results, strict=True):
            if not future.done():
                future.set_result(result)
            elif self._compensate is not None:
                self._compensate(item, result)


def _fail(entries: Sequence[tuple[object, asyncio.Future[Result], float]], error: Exception) -> None:
    for _, future, _ in entries:
        if not future.done():
            future.set_exception(error)
