"""Whether an endpoint is asked at all: the state machine of a circuit breaker."""

from collections import deque
from collections.abc import Callable
from typing import Literal

State = Literal["closed", "open", "half_open"]
Entry = Literal["pass", "probe", "refused"]

_WINDOW = 30.0  # seconds in which outcomes are weighed
_LEAST, _MOST = 20, 1000  # outcomes without which a rate says nothing, and beyond which it says no more
_SHARE = 0.5
_SHORTEST, _LONGEST = 1.0, 30.0  # seconds between two probes
_SLOWNESS = 6.0


class Circuit:
    """Closed: everybody passes. Open: nobody does. Half open: one probe does, and its outcome decides.

    It opens after so many failures in a row, or when half of at least 20 outcomes of the last 30 seconds are failures.
    The next probe is let through after a sixth of the time for which the endpoint has been down, at least one second
    and at most 30, half of that at random: so recovery is seen soon after a short outage, and a long one is left alone.
    Outcomes of calls that passed before it opened change nothing any more.
    """

    def __init__(self, failures: int, *, now: Callable[[], float], draw: Callable[[float], float]) -> None:
        """`failures` in a row open it, 0 is never; `now` in seconds, `draw(x)` at random from 0 to x."""
        self._most = failures
        self._now = now
        self._draw = draw
        self.consecutive_failures = 0
        self._recent: deque[tuple[float, bool]] = deque()
        self._failed = 0
        self._down_since: float | None = None
        self._until = 0.0
        self._is_probing = False

    @property
    def state(self) -> State:
        """As people call it: half open is also when the next call will be the probe."""
        if self._down_since is None:
            return "closed"
        return "half_open" if self._is_probing or self._now() >= self._until else "open"

    @property
    def left(self) -> float:
        """Seconds until the next probe; 0 where one would be let through, the least wait while one is under way."""
        if self._down_since is None:
            return 0.0
        return max(self._until - self._now(), _SHORTEST if self._is_probing else 0.0)

    def enter(self) -> Entry:
        """Ask to pass. Who gets `probe` must tell its outcome, or that it left."""
        if self._down_since is None:
            return "pass"
        if self._is_probing or self._now() < self._until:
            return "refused"
        self._is_probing = True
        return "probe"

    def succeed(self, entry: Entry) -> None:
        """The endpoint answered well."""
        if entry == "probe":
            self._close()
        elif self._down_since is None:
            self.consecutive_failures = 0
            self._weigh(failed=False)

    def fail(self, entry: Entry) -> None:
        """The endpoint failed."""
        self.consecutive_failures += 1
        if entry == "probe" and self._is_probing:
            self._is_probing = False
            self._wait()
        elif self._down_since is None and self._most:
            self._weigh(failed=True)
            if self.consecutive_failures >= self._most or self._is_mostly_failing():
                self._down_since = self._now()
                self._wait()

    def leave(self, entry: Entry) -> None:
        """Nothing was learned; after a probe the next call is one."""
        if entry == "probe":
            self._is_probing = False

    def _close(self) -> None:
        self._down_since = None
        self._is_probing = False
        self.consecutive_failures = 0
        self._recent.clear()
        self._failed = 0

    def _wait(self) -> None:
        now = self._now()
        down = now - (self._down_since if self._down_since is not None else now)
        pause = min(max(down / _SLOWNESS, _SHORTEST), _LONGEST)
        self._until = now + pause / 2 + self._draw(pause / 2)

    def _weigh(self, *, failed: bool) -> None:
        if not self._most:
            return
        now = self._now()
        self._recent.append((now, failed))
        self._failed += failed
        while self._recent[0][0] < now - _WINDOW or len(self._recent) > _MOST:
            self._failed -= self._recent.popleft()[1]

    def _is_mostly_failing(self) -> bool:
        return len(self._recent) >= _LEAST and self._failed >= _SHARE * len(self._recent)
