"""How both doors say an error: as Podium does, and with `detail` beside it where the error has one."""

import msgspec

from podium.api.errors import native
from podium.api.passage import Refuse, Scope, passage_of
from podium.errors import PodiumError


def refusing(scope: Scope) -> Refuse:
    """How errors are said to this request."""
    passage = passage_of(scope)
    return lambda _status, error: refused(error, passage.turn)


def refused(error: PodiumError, turn: str | None) -> bytes:
    """An error as JSON: `{"error": {…}}`, and the `detail` of one that carries its own."""
    said = native(error, turn)
    detail: str | None = getattr(error, "detail", None)
    if detail is None:
        return said
    return b'%b,"detail":%b}' % (said[:-1], msgspec.json.encode(detail))
