"""How many retries there may be: a share of what goes well, so that trouble is never multiplied."""

from collections.abc import Callable

_MOST = 10.0
_EARNED = 0.2  # of a retry, by each success
_GIVEN = 0.5  # of a retry, by each second: who calls seldom may retry all the same


class Allowance:
    """A bucket of at most ten retries, full at first. A retry costs one, a success earns a fifth of one."""

    def __init__(self, *, now: Callable[[], float]) -> None:
        self._now = now
        self._left = _MOST
        self._at = now()

    def earn(self) -> None:
        """A call went well."""
        self._left = min(self._left + _EARNED, _MOST)

    def spend(self) -> bool:
        """Take one retry; whether there was one to take."""
        now = self._now()
        self._left = min(self._left + _GIVEN * (now - self._at), _MOST)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
