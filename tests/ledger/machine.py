"""A ledger of plain integers, to be compared with the one in the database after every step."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Leg = tuple[str, datetime]
Source = Literal["provider", "estimate", "none"]


@dataclass
class Sums:
    limit: int
    spent: int = 0
    held: int = 0
    suspense: int = 0

    @property
    def room(self) -> int:
        return self.limit - self.spent - self.held - self.suspense


@dataclass
class Paid:
    """An attempt that has a hold, an entry, or both its entry and something in suspense."""

    legs: list[Leg]
    tariff: str
    held: int | None = None
    spent: int | None = None
    source: Source = "none"
    suspense: int = 0
    corrections: int = 0


@dataclass(frozen=True)
class Hold:
    attempt: str
    scopes: tuple[tuple[str, str], ...]
    amount: int
    least: int
    tariff: str = "t"


@dataclass(frozen=True)
class Settle:
    attempt: str
    amount: int
    suspense: int
    source: Source


@dataclass(frozen=True)
class Void:
    attempt: str


@dataclass(frozen=True)
class Correct:
    attempt: str
    amount: int
    source: Source


Step = Hold | Settle | Void | Correct
Outcome = tuple[object, ...]


@dataclass
class Ledger:
    """What the database must hold. `starts` is where each budget's present period begins."""

    scopes: dict[str, tuple[str, str]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    starts: dict[str, datetime] = field(default_factory=dict)
    periods: dict[Leg, Sums] = field(default_factory=dict)
    attempts: dict[str, Paid] = field(default_factory=dict)

    def same(self, other: "Ledger") -> bool:
        """Whether both have the same periods, holds, entries, suspenses and corrections."""

        def told(paid: Paid) -> tuple[object, ...]:
            paid_for = paid.held, paid.spent, paid.source, paid.suspense, paid.corrections
            return *paid_for, paid.tariff, sorted(paid.legs)

        ours = {attempt: told(paid) for attempt, paid in self.attempts.items()}
        theirs = {attempt: told(paid) for attempt, paid in other.attempts.items()}
        return self.periods == other.periods and ours == theirs

    def take(self, step: Step) -> Outcome:
        match step:
            case Hold():
                return self._hold(step)
            case Settle():
                return self._settle(step)
            case Void(attempt=attempt):
                return self._void(attempt)
            case Correct(attempt=attempt, amount=amount, source=source):
                return (self._correct(attempt, amount, source),)

    def change(self, budget: str, limit: int) -> None:
        self.limits[budget] = limit
        self.periods.setdefault((budget, self.starts[budget]), Sums(limit)).limit = limit

    def delete(self, budget: str) -> None:
        for kept in (self.scopes, self.limits, self.starts):
            del kept[budget]
        self.periods = {leg: period for leg, period in self.periods.items() if leg[0] != budget}

    def release(self, attempt: str) -> None:
        paid = self.attempts.get(attempt)
        if paid is not None:
            for period in self._counted(paid):
                period.suspense -= paid.suspense
            paid.suspense = 0

    def _counted(self, paid: Paid) -> Iterator[Sums]:
        return (self.periods[leg] for leg in paid.legs if leg in self.periods)

    def _hold(self, step: Hold) -> Outcome:
        paid = self.attempts.get(step.attempt)
        if paid is None or paid.held is None:
            legs = [(id_, self.starts[id_]) for id_, scope in self.scopes.items() if scope in step.scopes]
            for leg in legs:
                self.periods.setdefault(leg, Sums(self.limits[leg[0]]))
            if paid is not None:
                return "held", 0, False  # it has ended: nothing is held for it any more
            paid = Paid(legs, step.tariff)
        periods = list(self._counted(paid))
        before = paid.held or 0
        extra = max(step.amount - before, 0)
        room = min((period.room for period in periods), default=extra)
        if room < extra:
            extra = max(room, 0)
            if before + extra < step.least:
                return ("refused",)
        for period in periods:
            period.held += extra
            assert extra == 0 or period.spent + period.held + period.suspense <= period.limit
        paid.held = before + extra
        self.attempts[step.attempt] = paid
        return "held", paid.held, bool(periods)

    def _settle(self, step: Settle) -> Outcome:
        paid = self.attempts.get(step.attempt)
        if paid is None:
            return (None,)
        if paid.held is None:
            is_refused = step.source == paid.source == "none" and (step.amount, step.suspense) == (0, 0)
            if is_refused or step.source == "provider" != paid.source:
                self._correct(step.attempt, step.amount, step.source)
            return (None,)
        for period in self._counted(paid):
            period.held -= paid.held
            period.spent += step.amount
            period.suspense += step.suspense
        paid.held, paid.spent, paid.source, paid.suspense = None, step.amount, step.source, step.suspense
        return (min((period.room for period in self._counted(paid)), default=None),)

    def _void(self, attempt: str) -> Outcome:
        paid = self.attempts.get(attempt)
        if paid is not None and paid.held is not None:
            for period in self._counted(paid):
                period.held -= paid.held
            del self.attempts[attempt]
        return ()

    def _correct(self, attempt: str, amount: int, source: Source) -> bool:
        paid = self.attempts.get(attempt)
        if paid is None or paid.spent is None:
            return False
        if (amount, source, 0) == (paid.spent, paid.source, paid.suspense):
            return False
        self.release(attempt)
        for period in self._counted(paid):
            period.spent += amount - paid.spent
        paid.spent, paid.source = amount, source
        paid.corrections += 1
        return True
