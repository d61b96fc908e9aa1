"""How both doors say an error: as Podium does, and with `detail` beside it where a budget is the reason."""

import msgspec

from podium.api.errors import native
from podium.api.passage import Refuse, Scope, passage_of
from podium.errors import BudgetExceeded, PodiumError


def refusing(scope: Scope) -> Refuse:
    """How errors are said to this request."""
    passage = passage_of(scope)
    return lambda _status, error: refused(error, passage.turn)


def refused(error: PodiumError, turn: str | None) -> bytes:
    """An error as JSON: `{"error": {…}}`; beside it the first sentence of what a budget's refusal says."""
    said = native(error, turn)
    if not isinstance(error, BudgetExceeded):
        return said
    detail = error.message.partition(". ")[0].removesuffix(".")
    return b'%b,"detail":%b}' % (said[:-1], msgspec.json.encode(detail))
