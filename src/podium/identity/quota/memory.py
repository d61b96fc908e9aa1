"""Counts in this process's memory. A call is one step of the event loop: several scopes are taken all or none."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from podium.identity.quota.limit import Plan

_FEW = 16_384


class Verdict(Struct, frozen=True):
    """What came of taking from a plan's meters and seats.

    `owed` is by meter, in nanoseconds, as it stands now. `short` is the place, among the meters and then the seats, of
    what there was too little of, and `wait` the nanoseconds until a meter has enough; None: all was taken.
    """

    owed: Sequence[int]
    short: int | None = None
    wait: int = 0


class Memory:
    """What each user, key and tenant has taken here. `now` is in nanoseconds."""

    def __init__(self, *, now: Callable[[], int]) -> None:
        self._now = now
        self._free: dict[str, int] = {}
        self._seated: dict[str, int] = {}
        self._many = _FEW

    def take(self, plan: Plan, amounts: Sequence[int]) -> Verdict:
        """Take so much by each meter, and a seat of each kind; all, or nothing where there is too little of one."""
        now, free, seated = self._now(), self._free, self._seated
        owed: list[int] = []
        short, longest = None, 0
        for meter, amount in zip(plan.meters, amounts, strict=True):
            debt = free.get(meter.name, now) - now
            if debt < 0:  # noqa: PLR1730  # a call of `max` costs more than the rest of the line
                debt = 0
            owed.append(debt)
            if debt and (wait := meter.rate.wait(debt, amount)) > longest:
                short, longest = len(owed) - 1, wait
        for at, seats in enumerate(plan.seats):
            if short is None and seated.get(seats.name, 0) >= seats.most:
                short = len(owed) + at
        if short is not None:
            return Verdict(owed, short, longest)
        for at, meter in enumerate(plan.meters):
            owed[at] += meter.rate.each * amounts[at]
            free[meter.name] = now + owed[at]
        for seats in plan.seats:
            seated[seats.name] = seated.get(seats.name, 0) + 1
        if len(free) > self._many:
            self._forget(now)
        return Verdict(owed)

    def give(self, plan: Plan, amounts: Sequence[int]) -> None:
        """Give back what was not used after all; what was used beyond it is negative."""
        now = self._now()
        for meter, amount in zip(plan.meters, amounts, strict=True):
            if amount:
                free = max(self._free.get(meter.name, 0), now) - meter.rate.each * amount
                self._free[meter.name] = max(free, now)

    def sit(self, plan: Plan, _name: str) -> None:
        """Take a seat of each kind, whether there is one or not."""
        for seats in plan.seats:
            self._seated[seats.name] = self._seated.get(seats.name, 0) + 1

    def rise(self, plan: Plan, _name: str) -> None:
        """Give the seats back."""
        for seats in plan.seats:
            left = self._seated.get(seats.name, 0) - 1
            if left > 0:
                self._seated[seats.name] = left
            else:
                self._seated.pop(seats.name, None)

    def _forget(self, now: int) -> None:
        """Drop those who owe nothing; the more there are, the more seldom."""
        self._free = {name: free for name, free in self._free.items() if free > now}
        self._many = max(_FEW, 2 * len(self._free))
