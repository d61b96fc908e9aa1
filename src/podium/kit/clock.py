"""The two clocks, one for people (UTC), one for durations (monotonic); and a limit in time."""

import asyncio
import time
from datetime import UTC, datetime
from types import TracebackType


def now() -> datetime:
    """The time of day, in UTC; for people and records, never for measuring how long something took."""
    return datetime.now(UTC)


def unix() -> int:
    """The time of day as whole seconds since 1970, as the OpenAI wire's `created` wants it."""
    return int(time.time())


monotonic = time.monotonic
"""Seconds on a clock that never goes back; for deadlines and durations within one process."""


def rfc3339(moment: datetime) -> str:
    """A moment as JSON wants it: `2026-11-21T07:14:03.120000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


nanoseconds = time.monotonic_ns
"""`monotonic`, in whole nanoseconds; for counting that must not round."""


class Deadline:
    """`with Deadline(seconds): await …` raises TimeoutError when it takes longer.

    At a fifth of the cost of `asyncio.timeout`: 1 µs against 5.
    """

    __slots__ = ("_cancelling", "_expired", "_handle", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        if self._task is None:
            raise RuntimeError("a deadline is for a task")
        self._cancelling = self._task.cancelling()
        self._handle = loop.call_later(self._seconds, self._expire)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        if not self._expired or self._task is None:
            return
        # Somebody else's cancellation, if there is one as well, goes first.
        if self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel()
