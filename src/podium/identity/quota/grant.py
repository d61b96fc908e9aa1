"""What one turn took of its principal's limits, until it is corrected, given back or done."""

from collections.abc import Sequence
from typing import Protocol

from podium.errors import Standings
from podium.identity.quota.limit import Plan

_NANOSECONDS = 1e9


class Counts(Protocol):
    """Where a grant was taken from, and goes back to. `name` tells one turn's seats from another's."""

    def give(self, plan: Plan, amounts: Sequence[int]) -> None:
        """Give back what was not used after all; what was used beyond it is negative."""
        ...

    def sit(self, plan: Plan, name: str) -> None:
        """Take a seat of each kind, whether there is one or not."""
        ...

    def rise(self, plan: Plan, name: str) -> None:
        """Give the seats back."""
        ...


class Grant:
    """One turn's; it begins seated. `owed` is by meter, just after it was taken; none where it was taken before."""

    __slots__ = ("_counts", "_is_over", "_name", "_owed", "_plan", "_tokens")

    def __init__(self, counts: Counts, plan: Plan, owed: Sequence[int], *, tokens: int, name: str) -> None:
        self._counts = counts
        self._plan = plan
        self._tokens = tokens
        self._name = name
        self._is_over = False
        self._owed = owed

    @property
    def standings(self) -> Standings:
        """How the limits stood just after it was taken."""
        return standings(self._plan, self._owed)

    def withdraw(self) -> None:
        """Nothing came of it: all is as it was."""
        if not self._is_over:
            self._counts.give(self._plan, self._plan.amounts(1, self._tokens))
            self.stand()

    def stand(self) -> None:
        """The turn waits for another and has no seat. Whoever runs it goes on with what it took: `Quota.resume`."""
        if not self._is_over:
            self._is_over = True
            if self._plan.seats:
                self._counts.rise(self._plan, self._name)

    def end(self, tokens: int | None) -> None:
        """The turn is over. It used so many tokens; None: nobody knows, and what was expected stands."""
        if self._is_over:
            return
        self.stand()
        if tokens is not None and tokens != self._tokens and self._plan.counts_tokens:
            self._counts.give(self._plan, self._plan.amounts(0, self._tokens - tokens))


def standings(plan: Plan, owed: Sequence[int]) -> Standings:
    """How the tightest limit on requests and that on tokens stand, where so much is owed by each meter."""
    found: dict[str, tuple[int, int, float]] = {}
    for meter, debt in zip(plan.meters, owed, strict=True):
        left = meter.rate.left(debt)
        if meter.what not in found or left < found[meter.what][1]:
            found[meter.what] = (meter.rate.most, left, debt / _NANOSECONDS)
    return found
