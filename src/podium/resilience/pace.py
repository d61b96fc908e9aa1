"""How often an endpoint may be asked: rates per minute, and pauses that it asked for itself."""

from collections.abc import Callable

_MINUTE = 60.0
_LONGEST_PAUSE = 60.0
"""However long a host wants to be left alone, after this somebody asks whether that still holds."""
_FIRST_REST, _LONGEST_REST = 0.5, 20.0
"""Seconds of rest for a host that says "too many" and not when to come again: twice as many each time."""


class Rate:
    """So many a minute, as a generic cell rate algorithm (ITU-T I.371): one number, the time at which all is paid off.

    A whole minute's worth may be taken at once by who has taken nothing for a minute.
    """

    def __init__(self, per_minute: float, *, now: Callable[[], float]) -> None:
        self._most = per_minute
        self._each = _MINUTE / per_minute
        self._now = now
        self._paid = now()

    def wait(self, amount: float) -> float:
        """Seconds until so much may be taken; more than a minute's worth waits for a whole minute's."""
        free = _MINUTE - min(amount, self._most) * self._each
        return max(self._paid - self._now() - free, 0.0)

    def take(self, amount: float) -> None:
        """Take it, due or not. A negative amount gives back what was not needed."""
        self._paid = max(self._paid, self._now()) + amount * self._each


class Pace:
    """The limits of one endpoint: requests and tokens a minute if there are any, and each model's pauses and rests."""

    def __init__(self, requests: float | None, tokens: float | None, *, now: Callable[[], float]) -> None:
        """Rates are per minute; None is no limit."""
        self._now = now
        self._requests = Rate(requests, now=now) if requests else None
        self._tokens = Rate(tokens, now=now) if tokens else None
        self._paused: dict[str, float] = {}
        self._rests: dict[str, tuple[float, float]] = {}

    @property
    def counts_tokens(self) -> bool:
        """Whether it matters how many tokens a call uses."""
        return self._tokens is not None

    def wait(self, tokens: float) -> float:
        """Seconds until one more call of about so many tokens is within the rates."""
        return max(
            self._requests.wait(1) if self._requests else 0.0,
            self._tokens.wait(tokens) if self._tokens else 0.0,
        )

    def take(self, *, requests: int, tokens: float) -> None:
        """Count calls and tokens; negative ones are given back."""
        if self._requests:
            self._requests.take(requests)
        if self._tokens:
            self._tokens.take(tokens)

    def paused(self, model: str) -> float:
        """Seconds for which the endpoint still wants to be left alone with this model."""
        if not self._paused and not self._rests:
            return 0.0
        until = max(self._paused.get(model, 0.0), self._rests.get(model, (0.0, 0.0))[0])
        return max(until - self._now(), 0.0)

    def rest(self, model: str) -> None:
        """The endpoint said that there were too many calls, and not when to come again.

        It counts once a rest, however many calls hear it at the same time.
        """
        now = self._now()
        until, seconds = self._rests.get(model, (now, _FIRST_REST / 2))
        if until <= now:
            self._rests = {each: rest for each, rest in self._rests.items() if rest[0] > now - _MINUTE}
            seconds = min(seconds * 2, _LONGEST_REST)
            self._rests[model] = (now + seconds, seconds)

    def wake(self, model: str) -> None:
        """The endpoint answered well."""
        if self._rests:
            self._rests.pop(model, None)

    def pause(self, model: str, seconds: float) -> None:
        """The endpoint said that there were too many calls, and when to come again."""
        now = self._now()
        self._paused = {each: until for each, until in self._paused.items() if until > now}
        self._paused[model] = max(self._paused.get(model, now), now + min(seconds, _LONGEST_PAUSE))
