"""What is known of a turn when it has ended, in the headers of answers that are not streamed."""

from podium.api.serve import Headers
from podium.vocabulary.event import TurnReport


def ending_headers(turn: TurnReport) -> Headers:
    """Dollars in `x-podium-cost`, if they are known, and `x-podium-budget-remaining` (of the tightest budget).

    `x-podium-queue-wait`: seconds for which it waited while its conversation was speaking, if it did.
    """
    cost, left = turn.cost, None
    if turn.cost_info is not None:
        is_known = turn.cost_info.tracking_status != "failed"
        cost, left = turn.cost_info.total_cost if is_known else None, turn.cost_info.budget_remaining
    waited = f"{turn.waited_seconds:.3f}" if turn.waited_seconds else None
    told = ((b"x-podium-cost", cost), (b"x-podium-budget-remaining", left), (b"x-podium-queue-wait", waited))
    return [(name, value.encode()) for name, value in told if value is not None]
