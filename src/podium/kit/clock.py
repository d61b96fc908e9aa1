"""The two clocks: one for people (UTC), one for durations (monotonic)."""

import time
from datetime import UTC, datetime


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
