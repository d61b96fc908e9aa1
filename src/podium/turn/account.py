"""What the attempts of a turn came to: tokens, money, and how well both are known."""

from dataclasses import dataclass

from podium.kit import money
from podium.vocabulary.cost import CostBreakdown, CostInfo, CountingMethod, TokenDetails, TrackingStatus
from podium.vocabulary.event import AttemptEnded, AttemptFailed
from podium.vocabulary.usage import Usage


@dataclass(slots=True)
class Account:
    """Adds up the ends of attempts. `cost` is in nano-dollars, None as long as none is known."""

    usage: Usage | None = None
    cost: int | None = None
    breakdown: CostBreakdown | None = None
    method: CountingMethod = "real_api"
    is_estimated: bool = False
    is_known: bool = True
    warnings: tuple[str, ...] = ()
    left: str | None = None

    def add(self, event: AttemptEnded | AttemptFailed) -> None:
        """Take the end of one more attempt. One that failed without usage has used nothing, or nobody knows what."""
        if event.usage is not None:
            self.usage = event.usage if self.usage is None else self.usage + event.usage
        if event.cost is not None:
            self.cost = (self.cost or 0) + money.nano(event.cost)
        if event.cost_breakdown is not None:
            parts = event.cost_breakdown
            self.breakdown = parts if self.breakdown is None else self.breakdown + parts
        if event.usage_source == "estimate":
            self.is_estimated = True
            self.method = "estimate" if self.method == "estimate" else event.counting_method or "estimate"
        if event.cost is None and (
            event.usage is not None or isinstance(event, AttemptEnded) or event.in_suspense
        ):
            self.is_known = False
        self.warnings += tuple(each for each in event.budget_warnings if each not in self.warnings)
        self.left = event.budget_left or self.left

    def told(self, model: str | None) -> CostInfo:
        """The account of a turn that has ended."""
        usage = self.usage or Usage()
        status: TrackingStatus = (
            "failed" if not self.is_known else "estimated" if self.is_estimated else "success"
        )
        return CostInfo(
            tracking_status=status,
            total_cost=money.dollars(self.cost or 0),
            token_details=TokenDetails(
                input_tokens=usage.input_total - usage.cached_input,
                output_tokens=usage.output_total - usage.reasoning,
                thinking_tokens=usage.reasoning,
                cached_tokens=usage.cached_input,
                counting_method=self.method,
            ),
            cost_breakdown=self.breakdown or CostBreakdown(),
            model=model,
            budget_warnings=self.warnings,
            budget_remaining=self.left,
        )
