"""How both doors say an error: as Podium does, and beside it `detail` where a budget is the reason, and the cost."""

import msgspec

from podium.api.errors import native
from podium.api.passage import Refuse, Scope, passage_of
from podium.errors import BudgetExceeded, PodiumError
from podium.vocabulary.cost import CostInfo


def refusing(scope: Scope) -> Refuse:
    """How errors are said to this request."""
    passage = passage_of(scope)
    return lambda _status, error: refused(error, passage.turn, passage.cost)


def refused(error: PodiumError, turn: str | None, cost: CostInfo | None) -> bytes:
    """An error as JSON: `{"error": {…}}`; beside it the first sentence of a budget's refusal, and the cost."""
    beside: dict[str, object] = {}
    if isinstance(error, BudgetExceeded):
        beside["detail"] = error.message.partition(". ")[0].removesuffix(".")
    if cost is not None:
        beside["cost_info"] = cost
    said = native(error, turn)
    return b"%b,%b" % (said[:-1], msgspec.json.encode(beside)[1:]) if beside else said
