"""What an answer cost, in the headers of those that are not streamed."""

from podium.api.serve import Headers
from podium.vocabulary.event import TurnReport


def cost_headers(turn: TurnReport) -> Headers:
    """`x-podium-cost`: the turn's cost in dollars."""
    cost = turn.cost if turn.cost_info is None else turn.cost_info.total_cost
    return [] if cost is None else [(b"x-podium-cost", cost.encode())]
