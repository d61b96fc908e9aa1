"""What a turn cost, as its callers are told: amounts in dollars, as decimal strings."""

from typing import Literal

from msgspec import Struct

from podium.kit import money

CountingMethod = Literal["real_api", "local_exact", "estimate"]
"""Whose count of tokens it is: the host's own, ours with the model's vocabulary, ours without."""
TrackingStatus = Literal["success", "pending", "estimated", "failed"]


class CostBreakdown(Struct, frozen=True):
    """A cost by what it was for. The parts do not overlap; together they are the total."""

    input_cost: str = "0"
    output_cost: str = "0"
    thinking_cost: str = "0"
    cached_cost: str = "0"
    cache_write_cost: str = "0"
    audio_cost: str = "0"
    request_cost: str = "0"

    def __add__(self, other: "CostBreakdown") -> "CostBreakdown":
        """Part by part."""
        return CostBreakdown(
            *(
                money.dollars(money.nano(getattr(self, name)) + money.nano(getattr(other, name)))
                for name in self.__struct_fields__
            )
        )


class TokenDetails(Struct, frozen=True):
    """The tokens that were paid for. No token is in two counts.

    `input_tokens` are those that did not come from a cache, `output_tokens` those that are no thoughts.
    """

    input_tokens: int
    output_tokens: int
    thinking_tokens: int
    cached_tokens: int
    counting_method: CountingMethod


class CostInfo(Struct, frozen=True):
    """What a turn cost, and how well that is known.

    success    by the host's own count
    pending    the turn has not ended
    estimated  by a count of ours, at least in part
    failed     a count or a price is not known, so the total may lack something

    `budget_warnings` name the budgets that passed their threshold with this turn; `budget_remaining` is what it left of
    the tightest budget, null where none counts it.
    """

    tracking_status: TrackingStatus
    total_cost: str
    token_details: TokenDetails
    cost_breakdown: CostBreakdown
    model: str | None
    budget_warnings: tuple[str, ...] = ()
    budget_remaining: str | None = None


def untold(model: str | None, status: TrackingStatus) -> CostInfo:
    """The cost of a turn for which nothing was spent so far."""
    return CostInfo(
        tracking_status=status,
        total_cost="0",
        token_details=TokenDetails(0, 0, 0, 0, "real_api"),
        cost_breakdown=CostBreakdown(),
        model=model,
    )
