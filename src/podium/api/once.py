"""The idempotency key of a request: in whose name it counts, where, and for which words."""

import hashlib

from podium.api.passage import Scope, passage_of
from podium.errors import InvalidRequest
from podium.identity import Principal
from podium.turn.ask import Once

_MOST_KEY = 255
_NAME = b"idempotency-key"

REPLAYED = b"idempotent-replayed"
"""The header of an answer that was given before."""


def once_of(scope: Scope, who: Principal, said: bytes) -> Once | None:
    """The key that came with a request which says this; None if there is none.

    A key counts for a user of a tenant at one path, whether or not that ends with a slash; so nobody meets another's.

    Raises:
        InvalidRequest: it is empty or too long.
    """
    if _NAME not in passage_of(scope).found:
        return None
    for name, value in scope["headers"]:
        if name == _NAME:
            if not value or len(value) > _MOST_KEY:
                raise InvalidRequest(
                    f"An idempotency key has 1 to {_MOST_KEY} characters.", param="Idempotency-Key"
                )
            route = scope["path"].removesuffix("/").encode("utf-8", "surrogateescape")
            parts = (who.tenant.encode(), who.user.encode(), route, value)
            return Once(
                scope=hashlib.sha256(b"\0".join(parts)).hexdigest(), hash=hashlib.sha256(said).hexdigest()
            )
    return None
