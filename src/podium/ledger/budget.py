"""A budget, and how its present period stands. Amounts are in nano-dollars."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from podium.kit import money

ScopeType = Literal["tenant", "user", "key", "session", "persona", "dialogue"]
Period = Literal["day", "week", "month", "total"]

USUAL_ALERT = 800
"""At which share of a limit is warned where nothing is said of it, in thousandths."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one scope may spend in a period.

    `scope_id` is ours: of a session that is yet to come its name, behind `owner/` where it must be its owner's. `owner`
    is the user who holds the key or the session; `alert` is in thousandths of `amount`; a week begins on Monday, in
    `timezone`. One of a whole tenant that was set `by_operator` is not the tenant's to change.
    """

    id: str
    tenant: str
    scope_type: ScopeType
    scope_id: str
    owner: str | None
    amount: int
    period: Period
    timezone: str
    alert: int
    is_default: bool
    by_operator: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewBudget:
    """A budget to be made. Without an `alert` it has the usual one; one that is there already keeps its own."""

    tenant: str
    scope_type: ScopeType
    scope_id: str
    owner: str | None
    amount: int
    period: Period
    timezone: str = "UTC"
    alert: int | None = None
    by_operator: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed of a budget; None stays as it is. Changed `by_operator` it is the operator's for good."""

    amount: int | None = None
    alert: int | None = None
    by_operator: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """A budget with what was spent, is held, and may yet turn out to be spent in its present period.

    `resets_at` is None for a budget without an end.
    """

    budget: Budget
    spent: int
    held: int
    suspense: int
    starts_at: datetime
    resets_at: datetime | None

    @property
    def remaining(self) -> int:
        """What may still be held; below zero where more was used than was foreseen, or the limit was lowered."""
        return self.budget.amount - self.spent - self.held - self.suspense

    @property
    def is_alert(self) -> bool:
        """Whether the threshold is reached."""
        return self.spent > 0 and self.spent * 1000 >= self.budget.amount * self.budget.alert


def warning(scope: str, period: Period, *, spent: int, amount: int) -> str:
    """What people read of a budget past its threshold: "Budget of user ann (day): 82 % of 1.00 dollars spent."."""
    share = spent * 100 // amount if amount else 100
    return f"Budget of {scope} ({period}): {share} % of {_padded(money.dollars(amount))} dollars spent."


def _padded(dollars: str) -> str:
    """At least two places behind the point, as money is read."""
    whole, _, fraction = dollars.partition(".")
    return f"{whole}.{fraction:0<2}"
