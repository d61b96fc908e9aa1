"""How many tokens a request would be, in the dialects that ask."""

from collections.abc import Callable

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from podium.api.doors.wire import said_outside
from podium.api.passage import Limits
from podium.api.serve import send_json
from podium.api.turning import read_incoming
from podium.catalogue.catalogue import Catalogue
from podium.context.history import request_tokens
from podium.wires.wire import Wire


class Counting:
    """Counts the tokens of a request of one wire's dialect, by our own careful estimate, and says so.

    Args:
        told: the answer's members for a number of tokens, as the dialect has them.
    """

    def __init__(
        self, wire: Wire, catalogue: Catalogue, limits: Limits, *, told: Callable[[int], dict[str, object]]
    ) -> None:
        self._wire = wire
        self._catalogue = catalogue
        self._limits = limits
        self._told = told

    def app(self) -> ASGIApp:
        """The route's handler."""
        return self._serve

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = await read_incoming(scope, receive, self._limits)
        said = {**said_outside(scope, self._wire), "method": "count_tokens"}
        request = self._wire.read_request(said, incoming.body)
        self._catalogue.resolve(request.model or None)
        counted = self._told(request_tokens(request))
        await send_json(send, 200, [(b"x-podium-counting-method", b"estimate")], msgspec.json.encode(counted))
