"""How one endpoint is: what its calls have shown, shared by all the providers that call it."""

from collections.abc import Callable
from dataclasses import dataclass

from podium.catalogue.endpoint import Resilience
from podium.errors import Overloaded, ProviderError, Rejected
from podium.kit import clock, ids
from podium.resilience.allowance import Allowance
from podium.resilience.circuit import Circuit, Entry, State
from podium.resilience.pace import Pace

_OUR_KEY = (401, 403)


@dataclass(frozen=True, slots=True)
class Report:
    """An endpoint as operators see it. A response time is that until the first piece of an answer, in milliseconds.

    A request is one call with its retries; one that was turned away without asking is none. `success_rate` is the
    share of good ones among those that succeeded or failed; refusals of the request, 429 and clients that leave are
    neither. `last_error` is of the last call that told anything, and has no word of the host's own.
    """

    state: State
    total_requests: int
    success_rate: float
    consecutive_failures: int
    average_milliseconds: float
    last_milliseconds: float | None
    last_error: str | None

    @property
    def is_healthy(self) -> bool:
        """Whether it is asked, and answered when it was last asked."""
        return self.state == "closed" and self.last_error is None


class Health:
    """One endpoint's circuit, pace and allowance, and the count of its calls."""

    def __init__(
        self,
        resilience: Resilience,
        *,
        share: int = 1,
        now: Callable[[], float] = clock.monotonic,
        draw: Callable[[float], float] = ids.draw,
    ) -> None:
        """`share`: among how many processes the endpoint's rates are divided."""
        requests, tokens = resilience.requests_per_minute, resilience.tokens_per_minute
        self.now = now
        self.draw = draw
        self.circuit = Circuit(resilience.breaker_failures, now=now, draw=draw)
        self.pace = Pace(requests and requests / share, tokens and tokens / share, now=now)
        self.allowance = Allowance(now=now)
        self._total = self._succeeded = self._failed = self._heard = 0
        self._seconds = 0.0
        self._last_seconds: float | None = None
        self._last_error: str | None = None

    @property
    def average_seconds(self) -> float:
        """How long its answers take to begin; 0 as long as there was none."""
        return self._seconds / self._heard if self._heard else 0.0

    def hear(self, seconds: float) -> None:
        """An answer began, so long after it was asked for."""
        self._heard += 1
        self._seconds += seconds
        self._last_seconds = seconds

    def succeed(self, entry: Entry) -> None:
        """A call was answered to its end."""
        self._total += 1
        self._succeeded += 1
        self._last_error = None
        self.allowance.earn()
        self.circuit.succeed(entry)

    def fail(self, entry: Entry, error: ProviderError) -> None:
        """A call came to nothing, or broke off. What the host may rightly refuse is not held against it."""
        self._total += 1
        refused = isinstance(error, Rejected)
        if refused or (isinstance(error, Overloaded) and error.status == 429):
            if error.status in _OUR_KEY:
                self._last_error = _told(error)
            if entry == "probe":
                self.circuit.succeed(entry)  # it answers again, whatever it says
            return
        self._failed += 1
        self._last_error = _told(error)
        self.circuit.fail(entry)

    def leave(self, entry: Entry) -> None:
        """A call ended without telling anything of the host: its client left, or the fault was ours."""
        self._total += 1
        self.circuit.leave(entry)

    def report(self) -> Report:
        """As it is now."""
        judged = self._succeeded + self._failed
        return Report(
            state=self.circuit.state,
            total_requests=self._total,
            success_rate=self._succeeded / judged if judged else 1.0,
            consecutive_failures=self.circuit.consecutive_failures,
            average_milliseconds=round(self.average_seconds * 1000, 3),
            last_milliseconds=None if self._last_seconds is None else round(self._last_seconds * 1000, 3),
            last_error=self._last_error,
        )


def _told(error: ProviderError) -> str:
    return f"{error.code} (status {error.status})" if error.status else error.code
