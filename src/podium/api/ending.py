"""What is known of a turn when it has ended, in the headers of answers that are not streamed."""

from podium.api.serve import Headers
from podium.vocabulary.event import TurnReport


def ending_headers(turn: TurnReport) -> Headers:
    """Dollars in `x-podium-cost` and `x-podium-budget-remaining` (what it left of the tightest budget).

    `x-podium-queue-wait`: seconds for which it waited while its conversation was speaking, if it did.
    """
    cost = turn.cost if turn.cost_info is None else turn.cost_info.total_cost
    left = None if turn.cost_info is None else turn.cost_info.budget_remaining
    waited = f"{turn.waited_seconds:.3f}" if turn.waited_seconds else None
    told = ((b"x-podium-cost", cost), (b"x-podium-budget-remaining", left), (b"x-podium-queue-wait", waited))
    return [(name, value.encode()) for name, value in told if value is not None]
