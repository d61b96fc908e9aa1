"""What an answer cost, in the headers of those that are not streamed."""

from podium.api.serve import Headers
from podium.vocabulary.event import TurnReport


def cost_headers(turn: TurnReport) -> Headers:
    """In dollars: `x-podium-cost`, and `x-podium-budget-remaining`: what it left of the tightest budget."""
    cost = turn.cost if turn.cost_info is None else turn.cost_info.total_cost
    left = None if turn.cost_info is None else turn.cost_info.budget_remaining
    told = ((b"x-podium-cost", cost), (b"x-podium-budget-remaining", left))
    return [(name, value.encode()) for name, value in told if value is not None]
